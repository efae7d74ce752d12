// SPDX-License-Identifier: MIT
// The numbers of AdamW, and which tensors its weight decay applies to.
#pragma once

#include <cstdint>

#include <lamina/arch/role.hpp>

namespace lamina::train {

/// Whether weight decay applies to the gains of norms.
enum class GainDecay : std::uint8_t {
    none,
    /// As in the original's full fine-tuning: transformers leaves out PyTorch's LayerNorms, and what the original puts
    /// in their place is none of them (docs/method.md, "AdamW").
    as_weights
};

struct AdamWOptions {
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0.01;
    GainDecay gain_decay = GainDecay::none;
};

/// Whether weight decay applies to a tensor: to all but biases and, unless `gains` says otherwise, norm parameters
/// (docs/method.md, "AdamW"). Adapters decay, so a full-rank A that starts as the identity is pulled towards zero, as
/// in the original.
[[nodiscard]] constexpr bool decays(Role role, Part part, GainDecay gains = GainDecay::none) {
    if (part == Part::bias) return false;
    return role != Role::norm || gains == GainDecay::as_weights;
}

}  // namespace lamina::train
