// SPDX-License-Identifier: MIT
// The published low-rank LoRA runs of GPT-2 XL, with the ones that went on from a checkpoint of the conservative run.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <lamina/recipe/detail/low_rank_run.hpp>
#include <lamina/recipe/detail/with_removal.hpp>
#include <lamina/recipe/recipe.hpp>

#include <lamina/arch/architecture.hpp>
#include <lamina/removal/schedule.hpp>

namespace lamina::recipe {

namespace detail {

constexpr Recipe xl_base(const LowRankRun& run) {
    Recipe recipe = low_rank(run);
    recipe.model = "gpt2-xl";
    recipe.layers = gpt2_xl.layers;
    recipe.micro_batch = 4;
    recipe.accumulation = 128;
    return recipe;
}

constexpr Recipe xl_low_rank(const LowRankRun& run) {
    return with_removal(xl_base(run), ProgressiveSpacing{.start = 40,
                                                         .gap_ln_2 = 6,
                                                         .gap_ln_1_qk = 6,
                                                         .gap_ln_1_v = 10,
                                                         .end_of_text_after = 40,
                                                         .gap_end_of_text = 5,
                                                         .first_position_after = 40,
                                                         .gap_first_position = 5});
}

constexpr Recipe xl_conservative(const LowRankRun& run) {
    Recipe recipe = with_removal(xl_base(run), conservative_spacing);
    recipe.clip = 0.2;
    return recipe;
}

struct Resumption {
    double clip;
    std::size_t start_ln_1_qk;
    std::size_t gap_ln_1;  ///< of both attention phases
};

/// ln_2 keeps the timing of the conservative run that wrote the checkpoint, while the attention phases are stretched
/// from an update before its end: the two overlap.
constexpr Recipe xl_resumed(const LowRankRun& run, const Resumption& from) {
    ProgressiveSpacing attention = conservative_spacing;
    attention.start = from.start_ln_1_qk;
    attention.gap_ln_2 = 0;
    attention.gap_ln_1_qk = from.gap_ln_1;
    attention.gap_ln_1_v = from.gap_ln_1;
    Recipe recipe = with_removal(xl_base(run), attention);
    recipe.removal.ln_2 = {conservative_spacing.start, conservative_spacing.gap_ln_2};
    recipe.clip = from.clip;
    return recipe;
}

struct BatchAttempt {
    std::string_view name;
    std::string_view published_as;
    std::size_t micro_batch;
    std::size_t accumulation;
};

/// Nine attempts that differ in nothing but the shape of their batch.
constexpr Recipe xl_resumed_from_600(const BatchAttempt& attempt) {
    Recipe recipe = xl_resumed(
        {.name = attempt.name, .published_as = attempt.published_as, .peak = 1.5e-4, .warmup = 50, .steps = 3592},
        {.clip = 0.15, .start_ln_1_qk = 240, .gap_ln_1 = 24});
    recipe.micro_batch = attempt.micro_batch;
    recipe.accumulation = attempt.accumulation;
    recipe.save_every = 50;
    return recipe;
}

}  // namespace detail

/// source   submarat/removing-layer-norm 161fea6
inline constexpr std::array low_rank_xl_recipes{
    detail::xl_low_rank(
        {.name = "gpt2-xl-lora-64-1e-3", .published_as = "gpt2-xl_lora_lr1e-3", .peak = 1e-3, .steps = 1856}),
    detail::xl_low_rank(
        {.name = "gpt2-xl-lora-64-3e-3", .published_as = "gpt2-xl_lora_lr3e-3", .peak = 3e-3, .steps = 1856}),
    detail::xl_conservative({.name = "gpt2-xl-lora-64-conservative",
                             .published_as = "gpt2-xl_lora_conservative",
                             .peak = 5e-4,
                             .warmup = 50,
                             .steps = 2432}),
    detail::xl_resumed({.name = "gpt2-xl-lora-64-from-500",
                        .published_as = "gpt2-xl_lora_resume_from_500",
                        .peak = 5e-4,
                        .warmup = 50,
                        .steps = 2592},
                       {.clip = 0.2, .start_ln_1_qk = 392, .gap_ln_1 = 12}),
    detail::xl_resumed({.name = "gpt2-xl-lora-64-from-500-v2",
                        .published_as = "gpt2-xl_lora_resume_from_500_v2",
                        .peak = 3e-4,
                        .warmup = 50,
                        .steps = 2940},
                       {.clip = 0.15, .start_ln_1_qk = 356, .gap_ln_1 = 16}),
    detail::xl_resumed({.name = "gpt2-xl-lora-64-from-600-v3",
                        .published_as = "gpt2-xl_lora_resume_from_600_v3",
                        .peak = 2e-4,
                        .warmup = 50,
                        .steps = 2944},
                       {.clip = 0.15, .start_ln_1_qk = 360, .gap_ln_1 = 16}),
    detail::xl_resumed_from_600({.name = "gpt2-xl-lora-64-from-600-v4",
                                 .published_as = "gpt2-xl_lora_resume_from_600_v4",
                                 .micro_batch = 4,
                                 .accumulation = 128}),
    detail::xl_resumed_from_600({.name = "gpt2-xl-lora-64-from-600-v5",
                                 .published_as = "gpt2-xl_lora_resume_from_600_v5",
                                 .micro_batch = 8,
                                 .accumulation = 64}),
    detail::xl_resumed_from_600({.name = "gpt2-xl-lora-64-from-600-v6",
                                 .published_as = "gpt2-xl_lora_resume_from_600_v6",
                                 .micro_batch = 16,
                                 .accumulation = 32}),
    detail::xl_resumed_from_600({.name = "gpt2-xl-lora-64-from-600-v7",
                                 .published_as = "gpt2-xl_lora_resume_from_600_v7",
                                 .micro_batch = 32,
                                 .accumulation = 16}),
    detail::xl_resumed_from_600({.name = "gpt2-xl-lora-64-from-600-v8",
                                 .published_as = "gpt2-xl_lora_resume_from_600_v8",
                                 .micro_batch = 64,
                                 .accumulation = 8}),
    detail::xl_resumed_from_600({.name = "gpt2-xl-lora-64-from-600-v9",
                                 .published_as = "gpt2-xl_lora_resume_from_600_v9",
                                 .micro_batch = 48,
                                 .accumulation = 10}),
    detail::xl_resumed_from_600({.name = "gpt2-xl-lora-64-from-600-v10",
                                 .published_as = "gpt2-xl_lora_resume_from_600_v10",
                                 .micro_batch = 128,
                                 .accumulation = 4}),
    detail::xl_resumed_from_600({.name = "gpt2-xl-lora-64-from-600-v11",
                                 .published_as = "gpt2-xl_lora_resume_from_600_v11",
                                 .micro_batch = 256,
                                 .accumulation = 2}),
    detail::xl_resumed_from_600({.name = "gpt2-xl-lora-64-from-600-v12",
                                 .published_as = "gpt2-xl_lora_resume_from_600_v12",
                                 .micro_batch = 512,
                                 .accumulation = 1}),
};

}  // namespace lamina::recipe
