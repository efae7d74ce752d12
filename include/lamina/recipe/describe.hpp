// SPDX-License-Identifier: MIT
// A recipe as text for people.
#pragma once

#include <array>
#include <cstddef>
#include <iomanip>
#include <optional>
#include <sstream>
#include <string>

#include <lamina/recipe/recipe.hpp>

#include <lamina/removal/schedule.hpp>
#include <lamina/removal/std_tracking.hpp>
#include <lamina/train/adamw_options.hpp>
#include <lamina/train/loss_mean.hpp>

namespace lamina::recipe {

namespace detail {

inline std::string trained_part(const Recipe& recipe) {
    switch (recipe.adaptation) {
        case Adaptation::every_parameter:
            return "every parameter";
        case Adaptation::full_rank:
            return "full-rank adapters on frozen weights";
        case Adaptation::low_rank:
            return "adapters of rank " + std::to_string(recipe.rank) + " on frozen weights";
    }
    return "unknown";
}

inline std::string divisors(DivisorMode mode) {
    switch (mode) {
        case DivisorMode::constant:
            return "the initial standard deviations throughout";
        case DivisorMode::freeze:
            return "the moving average, frozen when its norm is removed";
        case DivisorMode::track:
            return "the moving average, also after removal";
    }
    return "unknown";
}

inline std::string averaging(const StdTracking& tracking) {
    std::ostringstream text;
    text << "momentum " << tracking.momentum << ", " << tracking.calls_of_ln_1
         << (tracking.calls_of_ln_1 == 1 ? " call" : " calls") << " of ln_1 per micro-batch, evaluation passes "
         << (tracking.evaluation == EvaluationPasses::ignored ? "ignored" : "included") << ", "
         << (tracking.average_over == AverageOver::all_positions ? "over all positions" : "over all positions but 0");
    return text.str();
}

inline void write_phase(std::ostream& text, RemovalKind kind, const Recipe& recipe) {
    const RemovalPhase& phase = recipe.removal.phase(kind);
    text << "  " << std::left << std::setw(24) << name(kind) << std::right;
    const std::optional<std::size_t> last = phase.last(event_count(kind, recipe.layers));
    if (!last) {
        text << std::setw(6) << "never" << '\n';
        return;
    }
    text << std::setw(6) << phase.start << std::setw(6) << *last;
    if (*last != phase.start) text << std::setw(6) << phase.gap;
    text << '\n';
}

}  // namespace detail

/// Every hyperparameter, one to a line, and the removal phases with the updates of their first and last event. Ends
/// with a newline.
[[nodiscard]] inline std::string describe(const Recipe& recipe) {
    std::ostringstream text;
    text << std::setprecision(12);
    const auto row = [&text](const char* label) -> std::ostream& {
        return text << std::left << std::setw(18) << label << std::right;
    };
    row("recipe") << recipe.name << '\n';
    if (!recipe.published_as.empty()) {
        row("published as") << recipe.published_as << " of submarat/removing-layer-norm, revision " << recipe.revision
                            << '\n';
    }
    row("model") << recipe.model << ", " << recipe.layers << " layers\n";
    row("trained") << detail::trained_part(recipe) << '\n';
    row("updates") << recipe.steps() << '\n';
    row("learning rate") << recipe.learning_rate.peak << " after " << recipe.learning_rate.warmup
                         << " updates of warm-up, then a cosine down to " << recipe.learning_rate.minimum << '\n';
    row("batch") << recipe.micro_batch << " sequences x " << recipe.accumulation
                 << (recipe.accumulation == 1 ? " micro-batch x " : " micro-batches x ") << recipe.sequence_length
                 << " tokens = " << recipe.tokens_per_update() << " tokens per update\n";
    row("loss") << (recipe.loss_mean == train::LossMean::over_tokens ? "mean over the tokens of an update"
                                                                     : "mean of the means of the micro-batches")
                << '\n';
    row("optimiser") << "AdamW, betas " << recipe.beta1 << " and " << recipe.beta2 << ", epsilon " << recipe.epsilon
                     << ", weight decay " << recipe.weight_decay << '\n';
    row("norm gains") << (recipe.gain_decay == train::GainDecay::none ? "without weight decay"
                                                                      : "weight decay like weights")
                      << '\n';
    row("gradient clipping") << "global norm " << recipe.clip << '\n';
    row("auxiliary loss");
    if (recipe.auxiliary_loss == 0.0) {
        text << "none\n";
    } else {
        text << "weight " << recipe.auxiliary_loss << '\n';
    }
    row("end-of-text") << "targets " << (recipe.end_of_text_targets == EndOfTextTargets::ignored ? "ignored" : "scored")
                       << '\n';
    row("first position") << (recipe.tracking.first_position == FirstPosition::like_others ? "treated like the others"
                                                                                           : "treated apart")
                          << '\n';
    row("divisors") << detail::divisors(recipe.tracking.mode) << '\n';
    row("average") << detail::averaging(recipe.tracking) << '\n';
    const auto interval = [](std::size_t updates) {
        return updates == 0 ? std::string("at the end only") : "every " + std::to_string(updates) + " updates";
    };
    row("saved") << interval(recipe.save_every) << '\n';
    row("evaluated") << interval(recipe.evaluate_every) << '\n';

    text << "\n  removal                  first  last   gap\n";
    for (const RemovalKind kind : removal_order) detail::write_phase(text, kind, recipe);
    if (const auto last = recipe.removal.last_effective(recipe.layers)) {
        text << "\nThe last norm goes at update " << *last << "; the schedule is over at update "
             << *recipe.removal.finished_at(recipe.layers) << ".\n";
    }
    return text.str();
}

}  // namespace lamina::recipe
