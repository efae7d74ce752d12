// SPDX-License-Identifier: MIT
// LossMean: over what the loss of a step is averaged, whose micro-batches need not have equally many targets.
#pragma once

#include <cstdint>

namespace lamina::train {

/// (docs/method.md, "One update")
enum class LossMean : std::uint8_t {
    /// Every token that carries loss weighs the same, so that it does not matter how a step is cut into micro-batches.
    over_tokens,
    /// Every micro-batch does, however many of its tokens carry loss, as in the original.
    of_means
};

}  // namespace lamina::train
