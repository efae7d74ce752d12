// SPDX-License-Identifier: MIT
// The published low-rank LoRA runs of GPT-2 small, medium and large.
#pragma once

#include <array>
#include <cstddef>

#include <lamina/recipe/detail/low_rank_run.hpp>
#include <lamina/recipe/detail/with_removal.hpp>
#include <lamina/recipe/recipe.hpp>

#include <lamina/arch/architecture.hpp>
#include <lamina/removal/schedule.hpp>

namespace lamina::recipe {

namespace detail {

inline constexpr ProgressiveSpacing low_rank_spacing{.start = 30,
                                                     .gap_ln_2 = 5,
                                                     .gap_ln_1_qk = 5,
                                                     .gap_ln_1_v = 8,
                                                     .end_of_text_after = 30,
                                                     .gap_end_of_text = 5,
                                                     .first_position_after = 30,
                                                     .gap_first_position = 5};

constexpr Recipe small_low_rank(const LowRankRun& run) {
    Recipe recipe = low_rank(run);
    recipe.model = "gpt2";
    recipe.layers = gpt2_small.layers;
    recipe.micro_batch = 40;
    recipe.accumulation = 12;
    ProgressiveSpacing spacing = low_rank_spacing;
    spacing.gap_end_of_text = 10;
    spacing.gap_first_position = 10;
    return with_removal(recipe, spacing);
}

/// The original postpones both of the last phases to update 999999.
constexpr Recipe small_without_end_of_text(const LowRankRun& run) {
    Recipe recipe = small_low_rank(run);
    recipe.removal.end_of_text = {};
    recipe.listed_first_position = {};
    return recipe;
}

constexpr Recipe medium_low_rank(const LowRankRun& run) {
    Recipe recipe = low_rank(run);
    recipe.model = "gpt2-medium";
    recipe.layers = gpt2_medium.layers;
    recipe.micro_batch = 20;
    recipe.accumulation = 25;
    return with_removal(recipe, low_rank_spacing);
}

constexpr Recipe large_low_rank(const LowRankRun& run, ProgressiveSpacing spacing = low_rank_spacing) {
    Recipe recipe = low_rank(run);
    recipe.model = "gpt2-large";
    recipe.layers = gpt2_large.layers;
    recipe.micro_batch = 10;
    recipe.accumulation = 51;
    spacing.end_of_text_after = 40;
    spacing.first_position_after = 40;
    return with_removal(recipe, spacing);
}

constexpr Recipe large_conservative(const LowRankRun& run) {
    Recipe recipe = large_low_rank(run, conservative_spacing);
    recipe.clip = 0.2;
    return recipe;
}

}  // namespace detail

/// source   submarat/removing-layer-norm 161fea6
inline constexpr std::array low_rank_recipes{
    detail::small_low_rank(
        {.name = "gpt2-lora-64-1e-3", .published_as = "gpt2_lora_lr1e-3", .peak = 1e-3, .steps = 746}),
    detail::small_low_rank(
        {.name = "gpt2-lora-64-3e-3", .published_as = "gpt2_lora_lr3e-3", .peak = 3e-3, .steps = 746}),
    detail::small_low_rank(
        {.name = "gpt2-lora-64-5e-3", .published_as = "gpt2_lora_lr5e-3", .peak = 5e-3, .steps = 746}),
    detail::small_low_rank({.name = "gpt2-lora-128-1e-3",
                            .published_as = "gpt2_lora_r128_lr1e-3",
                            .peak = 1e-3,
                            .steps = 746,
                            .rank = 128}),
    detail::small_low_rank({.name = "gpt2-lora-128-3e-3",
                            .published_as = "gpt2_lora_r128_lr3e-3",
                            .peak = 3e-3,
                            .steps = 746,
                            .rank = 128}),
    detail::small_low_rank({.name = "gpt2-lora-256-1e-3",
                            .published_as = "gpt2_lora_r256_lr1e-3",
                            .peak = 1e-3,
                            .steps = 746,
                            .rank = 256}),
    detail::small_without_end_of_text(
        {.name = "gpt2-lora-64-noeot-1e-3", .published_as = "gpt2_lora_noeot_lr1e-3", .peak = 1e-3, .steps = 446}),
    detail::small_without_end_of_text(
        {.name = "gpt2-lora-64-noeot-3e-3", .published_as = "gpt2_lora_noeot_lr3e-3", .peak = 3e-3, .steps = 446}),
    detail::medium_low_rank(
        {.name = "gpt2-medium-lora-64-1e-3", .published_as = "gpt2-medium_lora_lr1e-3", .peak = 1e-3, .steps = 1200}),
    detail::medium_low_rank({.name = "gpt2-medium-lora-64-1e-3-short",
                             .published_as = "gpt2-medium_lora_lr1e-3_700",
                             .peak = 1e-3,
                             .steps = 700}),
    detail::medium_low_rank(
        {.name = "gpt2-medium-lora-64-3e-3", .published_as = "gpt2-medium_lora_lr3e-3", .peak = 3e-3, .steps = 700}),
    detail::large_low_rank(
        {.name = "gpt2-large-lora-64-1e-3", .published_as = "gpt2-large_lora_lr1e-3", .peak = 1e-3, .steps = 1318}),
    detail::large_low_rank(
        {.name = "gpt2-large-lora-64-3e-3", .published_as = "gpt2-large_lora_lr3e-3", .peak = 3e-3, .steps = 1318}),
    detail::large_conservative({.name = "gpt2-large-lora-64-conservative",
                                .published_as = "gpt2-large_lora_conservative",
                                .peak = 5e-4,
                                .warmup = 50,
                                .steps = 1904}),
};

}  // namespace lamina::recipe
