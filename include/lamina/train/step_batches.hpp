// SPDX-License-Identifier: MIT
// StepBatches: the micro-batches of one optimiser step, kept until it is known how much of the step each of them is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <lamina/core/token.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/nn/loss.hpp>

namespace lamina::train {

/// Copies of batches, whose spans are somebody else's and soon invalid: 8 bytes per token, room for which is kept.
class StepBatches {
public:
    void clear() {
        inputs_.clear();
        targets_.clear();
        parts_.clear();
        scored_ = 0;
    }

    void add(const TokenBatch& batch) {
        const auto ignored = std::count(batch.targets.begin(), batch.targets.end(), ignored_target);
        const std::size_t scored = batch.targets.size() - static_cast<std::size_t>(ignored);
        parts_.push_back(
            {.first = inputs_.size(), .tokens = batch.inputs.size(), .sequence = batch.sequence, .scored = scored});
        inputs_.insert(inputs_.end(), batch.inputs.begin(), batch.inputs.end());
        targets_.insert(targets_.end(), batch.targets.begin(), batch.targets.end());
        scored_ += scored;
    }

    [[nodiscard]] std::size_t size() const { return parts_.size(); }

    /// Valid until the next `add` or `clear`.
    [[nodiscard]] TokenBatch operator[](std::size_t i) const {
        const Part& part = parts_[i];
        return {std::span(inputs_).subspan(part.first, part.tokens),
                std::span(targets_).subspan(part.first, part.tokens), part.sequence};
    }

    /// What makes all tokens of the step weigh the same: in the loss those that carry one, in the penalty, a mean over
    /// every position, all of them.
    [[nodiscard]] MicroBatch shares(std::size_t i) const {
        const auto part_of = [](std::size_t count, std::size_t all) {
            return all == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(all);
        };
        return {.share = part_of(parts_[i].scored, scored_),
                .auxiliary_share = part_of(parts_[i].tokens, inputs_.size())};
    }

private:
    struct Part {
        std::size_t first;
        std::size_t tokens;
        std::size_t sequence;
        std::size_t scored;
    };

    std::vector<Token> inputs_{};
    std::vector<Token> targets_{};
    std::vector<Part> parts_{};
    std::size_t scored_ = 0;
};

}  // namespace lamina::train
