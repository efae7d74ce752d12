// SPDX-License-Identifier: MIT
// Recipe: everything that defines one LayerNorm-removal run, as a plain value.
#pragma once

#include <cstddef>
#include <string_view>

#include <lamina/removal/schedule.hpp>
#include <lamina/removal/std_tracking.hpp>
#include <lamina/train/adamw_options.hpp>
#include <lamina/train/learning_rate.hpp>
#include <lamina/train/loss_mean.hpp>

namespace lamina::recipe {

/// What a run trains.
enum class Adaptation {
    every_parameter,  ///< full fine-tuning, no adapters
    full_rank,        ///< adapters as wide as their layer's input, on frozen weights
    low_rank,         ///< adapters of `Recipe::rank`, on frozen weights
};

/// Whether predicting the end-of-text token counts in the training loss.
enum class EndOfTextTargets {
    ignored,  ///< as in the original, whose padding token is end-of-text
    scored,
};

/// One run. Defaults are what the published runs have in common.
struct Recipe {
    std::string_view name{};          ///< what `find` looks for
    std::string_view revision{};      ///< of submarat/removing-layer-norm; empty if the recipe is lamina's own
    std::string_view published_as{};  ///< configuration name at that revision; empty if the recipe is lamina's own

    std::string_view model{};  ///< "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "nano", or what it was laid out for
    std::size_t layers = 0;
    Adaptation adaptation = Adaptation::full_rank;
    std::size_t rank = 0;  ///< of low_rank adapters, else 0

    train::CosineWithMinimum learning_rate{};  ///< its `steps` is the length of the run in optimiser updates
    std::size_t micro_batch = 1;               ///< sequences
    std::size_t accumulation = 1;              ///< micro-batches per update
    train::LossMean loss_mean = train::LossMean::of_means;
    std::size_t sequence_length = 1024;  ///< tokens

    double clip = 1.0;  ///< largest global gradient norm
    double weight_decay = 0.01;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    train::GainDecay gain_decay = train::GainDecay::none;
    double auxiliary_loss = 0.0;  ///< weight of the loss that evens out the standard deviations before ln_f; 0: none
    EndOfTextTargets end_of_text_targets = EndOfTextTargets::ignored;

    StdTracking tracking{};
    RemovalSchedule removal{};
    /// First-position phase that the configuration lists. No published run executed it, so `removal` leaves it out; a
    /// run with FirstPosition::apart puts it in.
    RemovalPhase listed_first_position{};

    std::size_t save_every = 100;      ///< optimiser updates
    std::size_t evaluate_every = 100;  ///< optimiser updates

    /// Dropout of the original's training, which also stayed on for attention weights in its evaluations and makes its
    /// numbers after removal look worse. Recorded as a fact about those numbers; no evaluation of lamina drops
    /// anything.
    double original_dropout = 0.1;

    /// Length of the run in optimiser updates.
    [[nodiscard]] constexpr std::size_t steps() const { return learning_rate.steps; }
    [[nodiscard]] constexpr std::size_t sequences_per_update() const { return micro_batch * accumulation; }
    [[nodiscard]] constexpr std::size_t tokens_per_update() const { return sequences_per_update() * sequence_length; }
};

}  // namespace lamina::recipe
