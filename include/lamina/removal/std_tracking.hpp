// SPDX-License-Identifier: MIT
// The choices that decide which standard deviation a removed LayerNorm divides by.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace lamina {

/// Where the divisor of a removed norm comes from, relative to the moving average of the measured standard deviations.
enum class DivisorMode {
    constant,  ///< the initial value throughout; the average is kept but never used, and stands still once removed
    freeze,    ///< the average while the norm is real; its value at the last real call once removed, where both stay
    track,     ///< the average throughout, also once removed: the model still depends on its data through one scalar
};

/// Whether passes that only evaluate move the average.
enum class EvaluationPasses {
    ignored,   ///< evaluating a model does not change it
    averaged,  ///< as in the original; with DivisorMode::track an evaluation then changes the divisors
};

/// Whether position 0 of a sequence has a divisor of its own. Its standard deviation is 15 to 45 times that of the
/// other positions in most blocks of GPT-2, so one common divisor hurts there first.
enum class FirstPosition {
    like_others,  ///< one divisor for every position, as in every published run
    apart,        ///< its own divisor, until the schedule's first-position event; cannot be folded before that
};

/// Which positions the average is taken over.
enum class AverageOver {
    all_positions,  ///< as in every published run
    all_but_first,  ///< leaves out the outlier at position 0
};

/// How the standard deviation of a norm's input is followed during training.
///
/// Each call of a norm computes m = mean over tokens of sqrt(variance + epsilon) of its input, without gradient, and
/// then average = momentum * average + (1 - momentum) * m. The defaults are lamina's own; recipes that reproduce
/// published runs state what those did.
///
/// source   reference flags EXP_RECOMPUTE_STD_ON_REAL / ON_FAKE, EXP_NON_BOS_AVERAGE_STD, EXP_BOS_SPECIAL_TREATMENT
struct StdTracking {
    DivisorMode mode = DivisorMode::freeze;

    /// Weight of the old average in one call, in [0, 1).
    double momentum = 0.9;

    /// How often ln_1 moves its average in one micro-batch. The original calls it three times (queries and keys,
    /// values, end-of-text) and ln_2 and ln_f once, so its ln_1 follows faster; once is enough and treats all norms
    /// alike. 1 to 3.
    std::size_t calls_of_ln_1 = 1;

    EvaluationPasses evaluation = EvaluationPasses::ignored;
    FirstPosition first_position = FirstPosition::like_others;
    AverageOver average_over = AverageOver::all_positions;

    /// Weight of the old average after `calls` calls on the same input: momentum to that power. One call with this
    /// weight leaves the same average as `calls` calls with `momentum`.
    [[nodiscard]] constexpr double kept_after(std::size_t calls) const {
        double kept = 1.0;
        for (std::size_t call = 0; call < calls; ++call) kept *= momentum;
        return kept;
    }

    friend constexpr bool operator==(const StdTracking&, const StdTracking&) = default;
};

namespace words {

/// The words of files, in the order of the enumerators.
inline constexpr std::array<std::string_view, 3> divisor_mode{"constant", "freeze", "track"};
inline constexpr std::array<std::string_view, 2> evaluation_passes{"ignored", "averaged"};
inline constexpr std::array<std::string_view, 2> first_position{"like_others", "apart"};
inline constexpr std::array<std::string_view, 2> average_over{"all_positions", "all_but_first"};

}  // namespace words

[[nodiscard]] constexpr std::string_view name(DivisorMode mode) {
    const auto place = static_cast<std::size_t>(mode);
    return place < words::divisor_mode.size() ? words::divisor_mode[place] : "unknown";
}

}  // namespace lamina
