// SPDX-License-Identifier: MIT
// block_losses: the losses of a model's predictions inside blocks of tokens.
#pragma once

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>

#include <lamina/nn/run/segment.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lamina::eval {

/// -log p, in nats, of every token of some blocks but the first of each: nothing comes before a block. `pass` is as for
/// PrefixScorer; all blocks go through it at once. `first_block` is the place of the first of them in the text, for
/// messages.
///
/// shapes  blocks [B, length] -> [B, length - 1]
/// errors  NonFiniteError naming the block and the token; ArgumentError unless they are whole blocks of at
///         least two tokens
template <class Pass>
[[nodiscard]] std::vector<float> block_losses(Pass& pass, std::span<const Token> blocks, std::size_t length,
                                              std::size_t first_block = 0) {
    if (length < 2 || blocks.size() % length != 0) {
        throw ArgumentError("lamina: block_losses: " + std::to_string(blocks.size()) + " tokens in blocks of " +
                            std::to_string(length) + ", expected whole blocks of at least two");
    }
    std::vector<Segment> segments;
    std::vector<WantedToken> wanted;
    wanted.reserve(blocks.size());
    for (std::size_t first = 0; first < blocks.size(); first += length) {
        segments.push_back({.tokens = blocks.subspan(first, length - 1)});
        for (std::size_t i = 1; i < length; ++i) wanted.push_back({.row = wanted.size(), .target = blocks[first + i]});
    }
    std::vector<double> log_probabilities(wanted.size());
    pass(std::span<const Segment>(segments), std::span<const WantedToken>(wanted),
         std::span<double>(log_probabilities));
    std::vector<float> losses;
    losses.reserve(wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (!std::isfinite(log_probabilities[i])) {
            throw NonFiniteError("the loss of token " + std::to_string(i % (length - 1) + 1) + " of block " +
                                 std::to_string(first_block + i / (length - 1)) + " is not finite");
        }
        losses.push_back(static_cast<float>(-log_probabilities[i]));
    }
    return losses;
}

/// How many of `blocks` are averaged when a batch is `batch` and the last, incomplete one is dropped, as the original
/// does. Fewer blocks than one batch are all kept.
///
/// errors  ArgumentError for a batch of none
[[nodiscard]] constexpr std::size_t whole_batches(std::size_t blocks, std::size_t batch) {
    if (batch == 0) throw ArgumentError("lamina: whole_batches: a batch of 0 blocks, expected at least one");
    return blocks < batch ? blocks : blocks - blocks % batch;
}

}  // namespace lamina::eval
