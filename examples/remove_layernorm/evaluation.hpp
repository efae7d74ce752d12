// SPDX-License-Identifier: MIT
// Evaluation on held-out text, comparison of two models' logits, and sampling.
#pragma once

#include "job.hpp"

#include <lamina/core/token_batch.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/loss_head.hpp>
#include <lamina/nn/sampling.hpp>
#include <lamina/text/batches.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace remove_layernorm {

[[nodiscard]] inline lamina::text::Batches<Slice> heldout_batches(const Job& job) {
    const std::size_t sequence = job.recipe.sequence_length;
    const std::size_t batch = std::min(job.recipe.micro_batch, std::max<std::size_t>(1, 1024 / sequence));
    return {*job.corpus.heldout,
            {.batch = std::max<std::size_t>(1, std::min(batch, job.corpus.heldout->size() / sequence)),
             .sequence = sequence,
             .order = lamina::text::BlockOrder::stored,
             .last_batch = lamina::text::LastBatch::smaller}};
}

/// Mean loss over the first `evaluation_blocks` blocks of the held-out text; end-of-text counts.
template <lamina::LanguageModel M>
[[nodiscard]] double heldout_loss(M& model, const Job& job) {
    auto batches = heldout_batches(job);
    lamina::LossSum sum{};
    std::size_t blocks = 0;
    for (std::size_t i = 0; i < batches.per_epoch() && blocks < job.options.evaluation_blocks; ++i) {
        const lamina::TokenBatch batch = batches.next();
        sum = sum + model.evaluate(batch);
        blocks += batch.batch;
    }
    return sum.mean();
}

/// Logits of the last (at most 32) positions of one held-out batch.
template <lamina::LanguageModel M>
[[nodiscard]] std::vector<typename M::Compute> heldout_logits(M& model, const Job& job) {
    auto batches = heldout_batches(job);
    const lamina::TokenBatch batch = batches.next();
    const std::size_t count = std::min<std::size_t>(32, batch.sequence);
    std::vector<typename M::Compute> logits(batch.batch * count * M::architecture.vocab);
    model.logits(batch.inputs, {batch.batch, batch.sequence}, count, logits);
    return logits;
}

template <class T>
[[nodiscard]] double largest_difference(const std::vector<T>& a, const std::vector<T>& b) {
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    }
    return largest;
}

/// The prompt and what the model writes after it, drawn at temperature 0.7.
template <lamina::LanguageModel M>
[[nodiscard]] std::string sample(M& model, const Job& job) {
    std::vector<Token> tokens = job.vocabulary.encode(job.options.prompt);
    const std::size_t unseen = tokens.empty() ? 1 : 0;  // an end of text, where every document begins
    if (tokens.empty()) tokens.push_back(end_of_text_of(job).value_or(0));
    lamina::Sampler sampler({.temperature = 0.7}, job.options.seed);
    std::vector<typename M::Compute> logits(M::architecture.vocab);
    for (std::size_t i = 0; i < job.options.sample_tokens; ++i) {
        const std::size_t seen = std::min(tokens.size(), M::architecture.context);
        model.logits(std::span<const Token>(tokens).last(seen), {1, seen}, 1, logits);
        const Token next = sampler(std::span<const typename M::Compute>(logits));
        if (next == job.vocabulary.end_of_text) break;
        tokens.push_back(next);
    }
    return job.vocabulary.decode(std::span<const Token>(tokens).subspan(unseen));
}

}  // namespace remove_layernorm
