// SPDX-License-Identifier: MIT
// Perplexity: the losses of a model's predictions inside blocks of tokens, and what is reported of them.
#pragma once

#include <lamina/eval/statistics.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/token.hpp>
#include <lamina/core/token_batch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lamina::eval {

/// A model that tells the loss of every position of a batch.
template <class M>
concept TokenLossModel = requires(M& model, const TokenBatch& batch, std::span<typename M::Compute> losses) {
    model.evaluate(batch, losses);
};

/// -log p, in nats, of every token of some blocks but the first of each: nothing comes before a block.
///
/// shapes  blocks [B, length] -> [B, length - 1]
/// errors  NonFiniteError naming the block and the token; LAMINA_EXPECTS whole blocks of at least two tokens
template <TokenLossModel M>
[[nodiscard]] std::vector<float> block_losses(M& model, std::span<const Token> blocks, std::size_t length) {
    LAMINA_EXPECTS(length >= 2 && blocks.size() % length == 0, "block_losses: whole blocks of at least two tokens");
    std::vector<Token> targets(blocks.size(), ignored_target);
    for (std::size_t i = 0; i + 1 < blocks.size(); ++i) {
        if ((i + 1) % length != 0) targets[i] = blocks[i + 1];
    }
    std::vector<typename M::Compute> losses(blocks.size());
    model.evaluate({.batch = blocks.size() / length, .sequence = length, .inputs = blocks, .targets = targets},
                   std::span(losses));
    std::vector<float> result;
    result.reserve(blocks.size() - blocks.size() / length);
    for (std::size_t i = 0; i < losses.size(); ++i) {
        if ((i + 1) % length == 0) continue;
        if (!std::isfinite(losses[i])) {
            throw NonFiniteError("the loss of token " + std::to_string(i % length + 1) + " of block " +
                                 std::to_string(i / length) + " is not finite");
        }
        result.push_back(static_cast<float>(losses[i]));
    }
    return result;
}

/// How many of `blocks` are averaged when a batch is `batch` and the last, incomplete one is dropped, as the original
/// does. Fewer blocks than one batch are all kept.
[[nodiscard]] constexpr std::size_t whole_batches(std::size_t blocks, std::size_t batch) {
    return blocks < batch ? blocks : blocks - blocks % batch;
}

/// The middle part of all losses.
struct LossRange {
    double share = 0;  ///< of the tokens
    double low = 0;
    double high = 0;
};

/// What is reported of the losses of a text.
struct LossSummary {
    double mean = 0;  ///< nats per token
    double perplexity = 1;
    double median = 0;
    std::array<LossRange, 4> ranges{};  ///< of 50, 90, 95 and 99 % of the tokens
    std::size_t tokens = 0;
};

/// errors  LAMINA_EXPECTS that there are losses
/// cost    a sort
[[nodiscard]] inline LossSummary summarise(std::vector<float> losses) {
    LAMINA_EXPECTS(!losses.empty(), "summarise: no losses");
    double sum = 0;
    for (const float loss : losses) sum += static_cast<double>(loss);
    std::sort(losses.begin(), losses.end());
    const std::span<const float> sorted(losses);
    LossSummary summary{};
    summary.tokens = losses.size();
    summary.mean = sum / static_cast<double>(losses.size());
    summary.perplexity = std::exp(summary.mean);
    summary.median = quantile(sorted, 0.5);
    constexpr std::array shares{0.5, 0.9, 0.95, 0.99};
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const double outside = (1 - shares[i]) / 2;
        summary.ranges[i] = {
            .share = shares[i], .low = quantile(sorted, outside), .high = quantile(sorted, 1 - outside)};
    }
    return summary;
}

}  // namespace lamina::eval
