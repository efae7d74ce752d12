// SPDX-License-Identifier: MIT
// The published runs that remove LayerNorm by training every parameter, without adapters.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <lamina/recipe/detail/with_removal.hpp>
#include <lamina/recipe/recipe.hpp>

#include <lamina/arch/architecture.hpp>
#include <lamina/removal/schedule.hpp>
#include <lamina/removal/std_tracking.hpp>
#include <lamina/train/adamw_options.hpp>

namespace lamina::recipe {

namespace detail {

/// The flags of these runs are not recorded. Freezing at the switch is what the flags' own description promises, and
/// what exporting a model by scaling its gains needs.
inline constexpr StdTracking fine_tuning_tracking{
    .mode = DivisorMode::freeze, .calls_of_ln_1 = 3, .evaluation = EvaluationPasses::averaged};

/// The momentum of the two larger models is 0.9 ^ (micro-batch / 32), for an average that fades per sequence, not per
/// call.
constexpr StdTracking fading_with(double momentum) {
    StdTracking tracking = fine_tuning_tracking;
    tracking.momentum = momentum;
    return tracking;
}

struct BlockGaps {
    std::size_t start;
    std::size_t gap;  ///< of ln_2 and of queries and keys
    std::size_t gap_of_values;
};

constexpr ProgressiveSpacing fine_tuning_spacing(const BlockGaps& gaps) {
    return {.start = gaps.start,
            .gap_ln_2 = gaps.gap,
            .gap_ln_1_qk = gaps.gap,
            .gap_ln_1_v = gaps.gap_of_values,
            .end_of_text_after = 2,
            .gap_end_of_text = 0,
            .first_position_after = 10,
            .gap_first_position = 0};
}

inline constexpr Recipe small_fine_tuning =
    with_removal(Recipe{.name = "gpt2-finetune",
                        .revision = "161fea6",
                        .published_as = "gpt2",
                        .model = "gpt2",
                        .layers = gpt2_small.layers,
                        .adaptation = Adaptation::every_parameter,
                        .learning_rate = {.peak = 6e-4, .minimum = 3e-4, .warmup = 20, .steps = 300},
                        .micro_batch = 40,
                        .accumulation = 12,
                        .gain_decay = train::GainDecay::as_weights,
                        .tracking = fine_tuning_tracking},
                 fine_tuning_spacing({.start = 20, .gap = 2, .gap_of_values = 3}));

inline constexpr Recipe medium_fine_tuning =
    with_removal(Recipe{.name = "gpt2-medium-finetune",
                        .revision = "161fea6",
                        .published_as = "gpt2-medium_fasttune",
                        .model = "gpt2-medium",
                        .layers = gpt2_medium.layers,
                        .adaptation = Adaptation::every_parameter,
                        .learning_rate = {.peak = 6e-4, .minimum = 3e-4, .warmup = 10, .steps = 500},
                        .micro_batch = 22,
                        .accumulation = 23,
                        .gain_decay = train::GainDecay::as_weights,
                        .tracking = fine_tuning_tracking},
                 fine_tuning_spacing({.start = 20, .gap = 2, .gap_of_values = 3}));

inline constexpr Recipe large_fine_tuning =
    with_removal(Recipe{.name = "gpt2-large-finetune",
                        .revision = "161fea6",
                        .published_as = "gpt2-large",
                        .model = "gpt2-large",
                        .layers = gpt2_large.layers,
                        .adaptation = Adaptation::every_parameter,
                        .learning_rate = {.peak = 3e-4, .minimum = 4e-5, .warmup = 15, .steps = 1200},
                        .micro_batch = 28,
                        .accumulation = 18,
                        .gain_decay = train::GainDecay::as_weights,
                        .tracking = fading_with(0.9119314545650217)},
                 fine_tuning_spacing({.start = 30, .gap = 4, .gap_of_values = 6}));

inline constexpr Recipe xl_fine_tuning =
    with_removal(Recipe{.name = "gpt2-xl-finetune",
                        .revision = "161fea6",
                        .published_as = "gpt2-xl",
                        .model = "gpt2-xl",
                        .layers = gpt2_xl.layers,
                        .adaptation = Adaptation::every_parameter,
                        .learning_rate = {.peak = 1e-4, .minimum = 2e-5, .warmup = 20, .steps = 1200},
                        .micro_batch = 18,
                        .accumulation = 28,
                        .gain_decay = train::GainDecay::as_weights,
                        .tracking = fading_with(0.9424567115944379)},
                 fine_tuning_spacing({.start = 20, .gap = 2, .gap_of_values = 3}));

struct Auxiliary {
    std::string_view name;
    std::string_view published_as;
    double weight;
};

constexpr Recipe with_auxiliary_loss(Recipe recipe, const Auxiliary& auxiliary) {
    recipe.name = auxiliary.name;
    recipe.published_as = auxiliary.published_as;
    recipe.auxiliary_loss = auxiliary.weight;
    return recipe;
}

constexpr Recipe small_fine_tuning_with_auxiliary_loss() {
    Recipe recipe = with_auxiliary_loss(small_fine_tuning, {"gpt2-finetune-aux", "gpt2_aux", 0.1});
    recipe.learning_rate.warmup = 25;
    recipe.micro_batch = 32;
    recipe.accumulation = 16;
    return recipe;
}

constexpr Recipe xl_fine_tuning_with_auxiliary_loss() {
    const Recipe recipe = with_auxiliary_loss(xl_fine_tuning, {"gpt2-xl-finetune-aux", "gpt2-xl_aux", 0.01});
    return with_removal(recipe, fine_tuning_spacing({.start = 50, .gap = 4, .gap_of_values = 6}));
}

}  // namespace detail

/// source   submarat/removing-layer-norm 161fea6: the schedules behind the paper
inline constexpr std::array fine_tuning_recipes{
    detail::small_fine_tuning,
    detail::small_fine_tuning_with_auxiliary_loss(),
    detail::medium_fine_tuning,
    detail::with_auxiliary_loss(detail::medium_fine_tuning,
                                {"gpt2-medium-finetune-aux", "gpt2-medium_fasttune_aux", 0.1}),
    detail::large_fine_tuning,
    detail::with_auxiliary_loss(detail::large_fine_tuning, {"gpt2-large-finetune-aux", "gpt2-large_aux", 0.03}),
    detail::xl_fine_tuning,
    detail::xl_fine_tuning_with_auxiliary_loss(),
};

}  // namespace lamina::recipe
