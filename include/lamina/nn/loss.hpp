// SPDX-License-Identifier: MIT
// Losses: what a pass over a batch is told, and what it finds.
#pragma once

#include <cstddef>

namespace lamina {

/// A loss summed over tokens, nats.
struct LossSum {
    double sum = 0;
    std::size_t count = 0;  ///< tokens that carried loss

    /// 0 when no token carried loss.
    [[nodiscard]] constexpr double mean() const { return count == 0 ? 0 : sum / static_cast<double>(count); }
    friend constexpr LossSum operator+(LossSum a, LossSum b) { return {a.sum + b.sum, a.count + b.count}; }
};

/// How much of an optimiser step one micro-batch is.
struct MicroBatch {
    double share = 1;  ///< weight of the micro-batch's mean loss; 1/k for one of k equal ones
    /// Of the penalty on uneven deviations before the last norm (docs/method.md, "Auxiliary loss"); 0 for none.
    double auxiliary_weight = 0;
    /// Of that penalty, which is a mean over all positions, while the loss is one over those that carry loss.
    double auxiliary_share = share;
};

/// What `forward_backward` found, nats; both are finite unless something is wrong.
struct StepLoss {
    LossSum cross_entropy{};
    double auxiliary = 0;
};

}  // namespace lamina
