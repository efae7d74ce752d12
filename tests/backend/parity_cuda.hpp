// SPDX-License-Identifier: MIT
// What a small GPT-2 does on one device in a few optimiser steps, as plain numbers, to compare devices by.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lamina_tests::parity {

/// Model types, few because each takes nvcc a while: between them every precision, execution and way to keep gradients
/// and activations, most of what a config.json can say, and heads that the flash kernels take (of width 64) and do not
/// (of width 16).
enum class Kind : std::uint8_t {
    double_merged,   ///< Fp64, Merged, 2 × 64; relu, an inner width and a head of its own with a bias, epsilon 1e-3
    float_factored,  ///< Fp32, Factored, 3 × 16; the exact gelu, scores by the inverse of the layer, too
    frozen_split_streamed,   ///< FrozenBf16, Split, gradients::Streamed, 2 × 64
    mixed_merged,            ///< MixedBf16, Merged, 2 × 64
    mixed_split_recomputed,  ///< MixedBf16, Split, gradients::Streamed, recompute::PerBlock, 2 × 64
    mixed_factored           ///< MixedBf16, Factored, 3 × 16; silu, scores by the inverse of the layer alone
};

/// How far the removal of the norms has come.
enum class Progress : std::uint8_t {
    real,       ///< every norm measures
    switching,  ///< queries and keys divide by a constant, the last norm too; values and the MLP's norm measure
    fixed       ///< all divide by constants, with others for first positions and ends of text
};

struct Result {
    double loss = 0;                                       ///< of the first step's micro-batches, before it
    std::map<std::string, std::vector<double>> gradients;  ///< of the first step, by tensor
    std::vector<double> norm_states;                       ///< after that, of every norm
    double gradient_norm = 0;
    double later_loss = 0;           ///< after three steps
    std::vector<std::string> notes;  ///< of what was not done as it was asked for
};

/// The same seed, batches and steps on every device. Instantiated in one source for each.
template <class Device>
[[nodiscard]] Result run(Kind kind, Progress progress);

}  // namespace lamina_tests::parity
