// SPDX-License-Identifier: MIT
// The published full-rank LoRA runs; the four in which all sizes share a learning rate are what bare model names stand
// for.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <lamina/recipe/detail/with_removal.hpp>
#include <lamina/recipe/recipe.hpp>

#include <lamina/arch/architecture.hpp>
#include <lamina/removal/schedule.hpp>
#include <lamina/removal/std_tracking.hpp>

namespace lamina::recipe {

namespace detail {

/// Divisors stay at their initial values, as neither recomputation flag was on by default in these revisions. Whether a
/// run set the flags from outside is not recorded.
inline constexpr StdTracking full_rank_tracking{
    .mode = DivisorMode::constant, .calls_of_ln_1 = 3, .evaluation = EvaluationPasses::averaged};

constexpr ProgressiveSpacing brisk_from(std::size_t start) {
    return {.start = start,
            .gap_ln_2 = 2,
            .gap_ln_1_qk = 2,
            .gap_ln_1_v = 3,
            .end_of_text_after = 2,
            .gap_end_of_text = 0,
            .first_position_after = 10,
            .gap_first_position = 0};
}

struct Rated {
    std::string_view name;
    std::string_view published_as;
    double peak;
};

constexpr Recipe small_full_rank(const Rated& run) {
    return with_removal(Recipe{.name = run.name,
                               .revision = "0fc65f7",
                               .published_as = run.published_as,
                               .model = "gpt2",
                               .layers = gpt2_small.layers,
                               .learning_rate = {.peak = run.peak, .minimum = run.peak / 2, .warmup = 20, .steps = 300},
                               .micro_batch = 40,
                               .accumulation = 12,
                               .tracking = full_rank_tracking},
                        brisk_from(20));
}

/// The next revision keeps the small runs, and gives the larger models more updates, wider gaps and a lower clipping
/// bound.
constexpr Recipe gentle_full_rank(const Rated& run) {
    return {.name = run.name,
            .revision = "8e305ea",
            .published_as = run.published_as,
            .learning_rate = {.peak = run.peak, .minimum = run.peak / 2},
            .accumulation = 64,
            .clip = 0.3,
            .tracking = full_rank_tracking};
}

constexpr ProgressiveSpacing gentle_from(std::size_t start) {
    return {.start = start,
            .gap_ln_2 = 3,
            .gap_ln_1_qk = 3,
            .gap_ln_1_v = 5,
            .end_of_text_after = 20,
            .gap_end_of_text = 3,
            .first_position_after = 20,
            .gap_first_position = 3};
}

constexpr Recipe medium_gentle(const Rated& run) {
    Recipe recipe = gentle_full_rank(run);
    recipe.model = "gpt2-medium";
    recipe.layers = gpt2_medium.layers;
    recipe.learning_rate.warmup = 20;
    recipe.learning_rate.steps = 800;
    recipe.micro_batch = 8;
    return with_removal(recipe, gentle_from(20));
}

constexpr Recipe large_gentle(const Rated& run) {
    Recipe recipe = gentle_full_rank(run);
    recipe.model = "gpt2-large";
    recipe.layers = gpt2_large.layers;
    recipe.learning_rate.warmup = 25;
    recipe.learning_rate.steps = 1200;
    recipe.micro_batch = 4;
    return with_removal(recipe, gentle_from(25));
}

constexpr Recipe xl_gentle(const Rated& run) {
    Recipe recipe = gentle_full_rank(run);
    recipe.model = "gpt2-xl";
    recipe.layers = gpt2_xl.layers;
    recipe.learning_rate.warmup = 25;
    recipe.learning_rate.steps = 1600;
    recipe.micro_batch = 2;
    ProgressiveSpacing spacing = gentle_from(30);
    spacing.gap_ln_2 = 4;
    spacing.gap_ln_1_qk = 4;
    spacing.gap_ln_1_v = 6;
    return with_removal(recipe, spacing);
}

}  // namespace detail

inline constexpr Recipe gpt2_lora_full =
    detail::small_full_rank({.name = "gpt2-lora-full-6e-4", .published_as = "gpt2_lora_lr6e-4", .peak = 6e-4});

inline constexpr Recipe gpt2_medium_lora_full =
    detail::with_removal(Recipe{.name = "gpt2-medium-lora-full-6e-4",
                                .revision = "0fc65f7",
                                .published_as = "gpt2-medium_lora_lr6e-4",
                                .model = "gpt2-medium",
                                .layers = gpt2_medium.layers,
                                .learning_rate = {.peak = 6e-4, .minimum = 3e-4, .warmup = 20, .steps = 500},
                                .micro_batch = 8,
                                .accumulation = 64,
                                .tracking = detail::full_rank_tracking},
                         detail::brisk_from(20));

inline constexpr Recipe gpt2_large_lora_full =
    detail::with_removal(Recipe{.name = "gpt2-large-lora-full-6e-4",
                                .revision = "0fc65f7",
                                .published_as = "gpt2-large_lora_lr6e-4",
                                .model = "gpt2-large",
                                .layers = gpt2_large.layers,
                                .learning_rate = {.peak = 6e-4, .minimum = 3e-4, .warmup = 25, .steps = 800},
                                .micro_batch = 4,
                                .accumulation = 64,
                                .tracking = detail::full_rank_tracking,
                                .save_every = 50},
                         detail::brisk_from(25));

inline constexpr Recipe gpt2_xl_lora_full =
    detail::with_removal(Recipe{.name = "gpt2-xl-lora-full-6e-4",
                                .revision = "0fc65f7",
                                .published_as = "gpt2-xl_lora_lr6e-4",
                                .model = "gpt2-xl",
                                .layers = gpt2_xl.layers,
                                .learning_rate = {.peak = 6e-4, .minimum = 3e-4, .warmup = 25, .steps = 1000},
                                .micro_batch = 2,
                                .accumulation = 64,
                                .tracking = detail::full_rank_tracking,
                                .save_every = 50},
                         detail::brisk_from(25));

/// source   submarat/removing-layer-norm 0fc65f7, and 8e305ea for those named gentle
inline constexpr std::array full_rank_recipes{
    gpt2_lora_full,
    gpt2_medium_lora_full,
    gpt2_large_lora_full,
    gpt2_xl_lora_full,
    detail::small_full_rank({"gpt2-lora-full-1e-4", "gpt2_lora_lr1e-4", 1e-4}),
    detail::small_full_rank({"gpt2-lora-full-3e-4", "gpt2_lora_lr3e-4", 3e-4}),
    detail::small_full_rank({"gpt2-lora-full-1e-3", "gpt2_lora_lr1e-3", 1e-3}),
    detail::small_full_rank({"gpt2-lora-full-3e-3", "gpt2_lora_lr3e-3", 3e-3}),
    detail::medium_gentle({"gpt2-medium-lora-full-gentle-1e-4", "gpt2-medium_lora_lr1e-4", 1e-4}),
    detail::medium_gentle({"gpt2-medium-lora-full-gentle-3e-4", "gpt2-medium_lora_lr3e-4", 3e-4}),
    detail::medium_gentle({"gpt2-medium-lora-full-gentle-6e-4", "gpt2-medium_lora_lr6e-4", 6e-4}),
    detail::large_gentle({"gpt2-large-lora-full-gentle-1e-4", "gpt2-large_lora_lr1e-4", 1e-4}),
    detail::large_gentle({"gpt2-large-lora-full-gentle-3e-4", "gpt2-large_lora_lr3e-4", 3e-4}),
    detail::large_gentle({"gpt2-large-lora-full-gentle-6e-4", "gpt2-large_lora_lr6e-4", 6e-4}),
    detail::xl_gentle({"gpt2-xl-lora-full-gentle-1e-4", "gpt2-xl_lora_lr1e-4", 1e-4}),
    detail::xl_gentle({"gpt2-xl-lora-full-gentle-3e-4", "gpt2-xl_lora_lr3e-4", 3e-4}),
    detail::xl_gentle({"gpt2-xl-lora-full-gentle-6e-4", "gpt2-xl_lora_lr6e-4", 6e-4}),
};

}  // namespace lamina::recipe
