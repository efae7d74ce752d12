// SPDX-License-Identifier: MIT
// The demonstration's own model and recipe: small enough to pretrain and to lose its norms within minutes on two cores.
#pragma once

#include <cstddef>

#include <lamina/recipe/full_rank.hpp>
#include <lamina/recipe/recipe.hpp>

#include <lamina/arch/architecture.hpp>
#include <lamina/removal/schedule.hpp>
#include <lamina/removal/std_tracking.hpp>
#include <lamina/train/loss_mean.hpp>

namespace lamina::recipe {

/// A byte-level model: 256 bytes and end-of-text.
inline constexpr Architecture nano_architecture{.layers = 4, .heads = 4, .embed = 128, .context = 128, .vocab = 257};

inline constexpr std::size_t nano_steps = 240;

/// The published full-rank schedule of GPT-2 small, with lamina's own choices where the original's are detours: the
/// divisor freezes when its norm goes, the average moves once per micro-batch and never in an evaluation, and all
/// tokens of an update weigh the same.
inline constexpr Recipe nano{.name = "nano",
                             .model = "nano",
                             .layers = nano_architecture.layers,
                             .learning_rate = {.peak = 1e-3, .minimum = 5e-4, .warmup = 16, .steps = nano_steps},
                             .micro_batch = 16,
                             .accumulation = 1,
                             .loss_mean = train::LossMean::over_tokens,
                             .sequence_length = nano_architecture.context,
                             .removal = gpt2_lora_full.removal.scaled({.from_layers = gpt2_lora_full.layers,
                                                                       .to_layers = nano_architecture.layers,
                                                                       .from_steps = gpt2_lora_full.steps(),
                                                                       .to_steps = nano_steps}),
                             .save_every = 0,
                             .evaluate_every = 60,
                             .original_dropout = 0.0};

}  // namespace lamina::recipe
