// SPDX-License-Identifier: MIT
// Overrides: the flags that change single numbers and choices of a recipe.
#pragma once

#include <lamina/recipe/recipe.hpp>
#include <lamina/removal/std_tracking.hpp>
#include <lamina/train/loss_mean.hpp>

#include <CLI/CLI.hpp>

#include <cstddef>
#include <optional>

namespace remove_layernorm {

class Overrides {
public:
    void add_flags(CLI::App& app);

    /// The recipe with every flag applied.
    [[nodiscard]] lamina::recipe::Recipe apply(lamina::recipe::Recipe recipe) const;

private:
    void add_counts(CLI::App& app);
    void add_numbers(CLI::App& app);
    void add_choices(CLI::App& app);
    void apply_schedule(lamina::recipe::Recipe& recipe) const;

    std::optional<std::size_t> steps_, warmup_, micro_batch_, accumulation_, sequence_length_, calls_of_ln_1_;
    std::optional<double> learning_rate_, minimum_, clip_, weight_decay_, beta1_, beta2_, epsilon_, momentum_,
        auxiliary_;
    std::optional<std::size_t> start_, gap_ln_2_, gap_ln_1_qk_, gap_ln_1_v_;
    std::optional<lamina::train::LossMean> loss_mean_;
    std::optional<lamina::DivisorMode> divisor_;
    std::optional<lamina::EvaluationPasses> evaluation_;
    std::optional<lamina::FirstPosition> first_position_;
    std::optional<lamina::AverageOver> average_over_;
    std::optional<lamina::recipe::EndOfTextTargets> end_of_text_targets_;
};

/// Throws ArgumentError when a run would end before its last norm is gone: it would train for hours and then have
/// nothing that can be folded.
void check_schedule(const lamina::recipe::Recipe& recipe);

}  // namespace remove_layernorm
