// SPDX-License-Identifier: MIT
// Recipes for models that none was published for: lamina's own, and a published one laid out over other layers.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include <lamina/recipe/full_rank.hpp>
#include <lamina/recipe/recipe.hpp>

#include <lamina/arch/architecture.hpp>
#include <lamina/core/error.hpp>
#include <lamina/removal/schedule.hpp>
#include <lamina/removal/std_tracking.hpp>
#include <lamina/train/loss_mean.hpp>

namespace lamina::recipe {

inline constexpr std::size_t own_steps = 240;

/// The published full-rank schedule of GPT-2 small over any number of layers, with lamina's own choices where the
/// original's are detours: the divisor freezes when its norm goes, the average moves once per micro-batch and never in
/// an evaluation, and all tokens of a step weigh the same. A step is sixteen sequences, of the whole context up to 1024
/// tokens, in micro-batches of about 2048 tokens.
///
/// `model` must live as long as the recipe
[[nodiscard]] constexpr Recipe own_recipe(std::string_view model, const Architecture& size) {
    constexpr std::size_t sequences = 16;
    const std::size_t length = std::min<std::size_t>(size.context, 1024);
    std::size_t micro_batch = sequences;
    while (micro_batch > 1 && micro_batch * length > 2048) micro_batch /= 2;
    return {.name = model,
            .model = model,
            .layers = size.layers,
            .learning_rate = {.peak = 1e-3, .minimum = 5e-4, .warmup = 16, .steps = own_steps},
            .micro_batch = micro_batch,
            .accumulation = sequences / micro_batch,
            .loss_mean = train::LossMean::over_tokens,
            .sequence_length = length,
            .removal = gpt2_lora_full.removal.scaled({.from_layers = gpt2_lora_full.layers,
                                                      .to_layers = size.layers,
                                                      .from_steps = gpt2_lora_full.steps(),
                                                      .to_steps = own_steps}),
            .save_every = 0,
            .evaluate_every = 60,
            .original_dropout = 0.0};
}

/// A recipe for a model of other layers or of a shorter context: each phase of the removal begins when it did, and is
/// over when it was.
///
/// `model` must live as long as the recipe
[[nodiscard]] constexpr Recipe laid_out(Recipe recipe, std::string_view model, const Architecture& size) {
    if (size.layers != recipe.layers) {
        const auto over = [&](const RemovalSchedule& removal) {
            return removal.scaled({.from_layers = recipe.layers,
                                   .to_layers = size.layers,
                                   .from_steps = recipe.steps(),
                                   .to_steps = recipe.steps()});
        };
        recipe.listed_first_position = over({.first_position = recipe.listed_first_position}).first_position;
        recipe.removal = over(recipe.removal);
        recipe.layers = size.layers;
    }
    recipe.sequence_length = std::min(recipe.sequence_length, size.context);
    recipe.model = model;
    return recipe;
}

/// What a recipe trains, in one word: "full", a rank, or "none" where every parameter trains.
[[nodiscard]] inline std::string adapter_of(const Recipe& recipe) {
    switch (recipe.adaptation) {
        case Adaptation::every_parameter:
            return "none";
        case Adaptation::full_rank:
            return "full";
        case Adaptation::low_rank:
            return std::to_string(recipe.rank);
    }
    return "full";
}

/// The other way round.
///
/// errors   ArgumentError when it is none of these
inline void set_adapter(Recipe& recipe, std::string_view adapter) {
    recipe.rank = 0;
    if (adapter == "none" || adapter == "full") {
        recipe.adaptation = adapter == "none" ? Adaptation::every_parameter : Adaptation::full_rank;
        return;
    }
    const char* const end = adapter.data() + adapter.size();
    const auto [rest, error] = std::from_chars(adapter.data(), end, recipe.rank);
    if (error != std::errc() || rest != end || recipe.rank == 0) {
        throw ArgumentError("adapter is " + std::string(adapter) + ", expected full, a rank of 1 or more, or none");
    }
    recipe.adaptation = Adaptation::low_rank;
}

}  // namespace lamina::recipe
