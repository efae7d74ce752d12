// SPDX-License-Identifier: MIT
#include "overrides.hpp"

#include "../common/flags.hpp"

#include <lamina/core/error.hpp>
#include <lamina/removal/schedule.hpp>

#include <string>
#include <type_traits>

namespace remove_layernorm {

namespace {

using lamina::RemovalSchedule;
using lamina::recipe::EndOfTextTargets;
using lamina::recipe::Recipe;

constexpr const char* group = "Overrides of the recipe";

template <class T>
void set(const std::optional<T>& from, T& to) {
    if (from) to = *from;
}

}  // namespace

void Overrides::add_flags(CLI::App& app) {
    add_counts(app);
    add_numbers(app);
    add_choices(app);
}

void Overrides::add_counts(CLI::App& app) {
    const auto count = [&](const char* flag, auto& place, std::size_t least, const char* help) {
        common::add_count(app, flag, place, help, {.least = least})->group(group);
    };
    count("--steps", steps_, 1, "optimiser steps");
    count("--warmup", warmup_, 0, "steps");
    count("--micro-batch", micro_batch_, 1, "sequences");
    count("--accumulation", accumulation_, 1, "micro-batches per step");
    count("--sequence", sequence_length_, 1, "tokens");
    count("--removal-start", start_, 0, "step of the first removal");
    count("--gap-ln2", gap_ln_2_, 0, "steps between blocks");
    count("--gap-ln1-qk", gap_ln_1_qk_, 0, "steps between blocks");
    count("--gap-ln1-v", gap_ln_1_v_, 0, "steps between blocks");
    common::add_count(app, "--calls-of-ln1", calls_of_ln_1_, "times that ln_1 moves its average in a micro-batch",
                      {.least = 1, .most = 3})
        ->group(group);
}

void Overrides::add_numbers(CLI::App& app) {
    const auto number = [&](const char* flag, auto& place, const char* help) {
        common::add_number(app, flag, place, help, {.least = 0, .most = 1e6})->group(group);
    };
    const auto fraction = [&](const char* flag, auto& place, const char* help) {
        common::add_number(app, flag, place, help, {.least = 0, .below = 1})->group(group);
    };
    number("--learning-rate", learning_rate_, "peak; the minimum keeps its ratio");
    number("--minimum-learning-rate", minimum_, "at the end");
    number("--clip", clip_, "largest gradient norm, 0 for none");
    number("--weight-decay", weight_decay_, "of AdamW");
    fraction("--beta1", beta1_, "of AdamW");
    fraction("--beta2", beta2_, "of AdamW");
    number("--epsilon", epsilon_, "of AdamW");
    fraction("--momentum", momentum_, "of the average deviations");
    number("--auxiliary-loss", auxiliary_, "weight of the penalty on uneven deviations");
}

void Overrides::add_choices(CLI::App& app) {
    using lamina::AverageOver;
    using lamina::DivisorMode;
    using lamina::EvaluationPasses;
    using lamina::FirstPosition;
    using lamina::train::LossMean;
    const auto choice = [&]<class T>(const char* flag, std::optional<T>& place, const char* help,
                                     const std::type_identity_t<common::Choices<T>>& choices) {
        common::add_choice(app, flag, place, help, choices)->group(group);
    };
    choice("--loss-mean", loss_mean_, "of an update: over its tokens, or of its micro-batches' means",
           {{"over-tokens", LossMean::over_tokens}, {"of-means", LossMean::of_means}});
    choice("--divisor", divisor_, "what a removed norm divides by",
           {{"constant", DivisorMode::constant}, {"freeze", DivisorMode::freeze}, {"track", DivisorMode::track}});
    choice("--evaluation-passes", evaluation_, "whether evaluating moves the averages",
           {{"ignored", EvaluationPasses::ignored}, {"averaged", EvaluationPasses::averaged}});
    choice("--first-position", first_position_, "its divisor",
           {{"like-others", FirstPosition::like_others}, {"apart", FirstPosition::apart}});
    choice("--average-over", average_over_, "positions",
           {{"all", AverageOver::all_positions}, {"all-but-first", AverageOver::all_but_first}});
    choice("--end-of-text-targets", end_of_text_targets_, "in training",
           {{"ignored", EndOfTextTargets::ignored}, {"scored", EndOfTextTargets::scored}});
}

Recipe Overrides::apply(Recipe recipe) const {
    set(steps_, recipe.learning_rate.steps);
    set(warmup_, recipe.learning_rate.warmup);
    set(micro_batch_, recipe.micro_batch);
    set(accumulation_, recipe.accumulation);
    set(loss_mean_, recipe.loss_mean);
    set(sequence_length_, recipe.sequence_length);
    if (learning_rate_) {
        recipe.learning_rate.minimum *= *learning_rate_ / recipe.learning_rate.peak;
        recipe.learning_rate.peak = *learning_rate_;
    }
    set(minimum_, recipe.learning_rate.minimum);
    set(clip_, recipe.clip);
    set(weight_decay_, recipe.weight_decay);
    set(beta1_, recipe.beta1);
    set(beta2_, recipe.beta2);
    set(epsilon_, recipe.epsilon);
    set(auxiliary_, recipe.auxiliary_loss);
    set(end_of_text_targets_, recipe.end_of_text_targets);
    set(divisor_, recipe.tracking.mode);
    set(momentum_, recipe.tracking.momentum);
    set(calls_of_ln_1_, recipe.tracking.calls_of_ln_1);
    set(evaluation_, recipe.tracking.evaluation);
    set(first_position_, recipe.tracking.first_position);
    set(average_over_, recipe.tracking.average_over);
    apply_schedule(recipe);
    return recipe;
}

/// New gaps lay the phases one behind the other, each as far from the one before as in the recipe; a first position
/// that is treated apart gets the phase that the published configurations list for it.
void Overrides::apply_schedule(Recipe& recipe) const {
    RemovalSchedule& removal = recipe.removal;
    const bool apart = recipe.tracking.first_position == lamina::FirstPosition::apart;
    if (start_ || gap_ln_2_ || gap_ln_1_qk_ || gap_ln_1_v_) {
        lamina::ProgressiveSpacing spacing{.start = start_.value_or(removal.ln_2.start),
                                           .gap_ln_2 = gap_ln_2_.value_or(removal.ln_2.gap),
                                           .gap_ln_1_qk = gap_ln_1_qk_.value_or(removal.ln_1_qk.gap),
                                           .gap_ln_1_v = gap_ln_1_v_.value_or(removal.ln_1_v.gap)};
        if (removal.end_of_text.is_scheduled()) {
            spacing.end_of_text_after = removal.end_of_text.start - removal.ln_f.start;
            spacing.gap_end_of_text = removal.end_of_text.gap;
        }
        if (apart) {
            spacing.first_position_after = 1;
            spacing.gap_first_position = recipe.listed_first_position.gap;
        }
        removal = RemovalSchedule::progressive(spacing, recipe.layers);
    } else if (apart) {
        removal.first_position = recipe.listed_first_position;
        if (!removal.first_position.is_scheduled()) removal.first_position = {*removal.finished_at(recipe.layers) + 1};
    }
}

void check_schedule(const Recipe& recipe) {
    const bool apart = recipe.tracking.first_position == lamina::FirstPosition::apart;
    const RemovalSchedule& removal = recipe.removal;
    const auto last = apart ? removal.finished_at(recipe.layers) : removal.last_effective(recipe.layers);
    if (!removal.removes_every_norm() || !last) {
        throw lamina::ArgumentError("recipe " + std::string(recipe.name) + ": its schedule leaves norms in place");
    }
    if (*last < recipe.steps()) return;
    throw lamina::ArgumentError("--steps " + std::to_string(recipe.steps()) + " end before the last removal, in step " +
                                std::to_string(*last) + "; expected at least " + std::to_string(*last + 1) +
                                ", or a shorter schedule by --removal-start and the gaps");
}

}  // namespace remove_layernorm
