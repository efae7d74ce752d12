// SPDX-License-Identifier: MIT
// RemovableState: the run-time state of one norm on its way from measuring its divisor to a fixed one.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>

#include <lamina/core/token.hpp>
#include <lamina/nn/layer_state.hpp>
#include <lamina/removal/std_tracking.hpp>

namespace lamina {

/// What a norm divides by in one pass.
struct Divisors {
    double ordinary = 1;
    double first_position = 1;     ///< equal to `ordinary` unless the first position is treated apart
    double end_of_text = 1;        ///< equal to `ordinary` but for values: apart there, or divided in a later call
    double first_end_of_text = 1;  ///< of an end-of-text token at the first position: as `first_position`, in that call

    [[nodiscard]] constexpr bool uniform() const {
        return first_position == ordinary && end_of_text == ordinary && first_end_of_text == ordinary;
    }
    friend constexpr bool operator==(const Divisors&, const Divisors&) = default;
};

/// The state of a removable norm (docs/method.md, "Norms" and "Averages"). Values are standard deviations, in units of
/// the residual stream.
///
/// A norm before attention has two paths, one read by queries and keys, one by values, which are removed at different
/// times; other norms have the first path only.
struct RemovableState {
    StdTracking tracking{};
    std::size_t calls_per_batch = 1;  ///< how often the average moves in one micro-batch

    bool fixed = false;         ///< the only path, or queries and keys
    bool values_fixed = false;  ///< the path of the values; follows `fixed` in norms with one path

    double average = 1;                 ///< moving average over the tokens that `tracking` says
    double first_position_average = 1;  ///< moving average over position 0
    double divisor = 1;
    double first_position_divisor = 1;

    bool first_position_apart = false;  ///< position 0 has a divisor of its own
    bool end_of_text_apart = false;     ///< end-of-text tokens divide by the first position's divisor, values only

    Divisors in_use{};         ///< by queries and keys, or the only path, in the last pass
    Divisors values_in_use{};  ///< by values in the last pass

    /// Sets the average and the divisor, as at the start of a run.
    constexpr void start_at(double standard_deviation, double first_position) {
        average = divisor = standard_deviation;
        first_position_average = first_position;
        first_position_divisor = first_position_apart ? first_position : standard_deviation;
    }

    /// One training call per path and, in the original's order, one for end-of-text: moves the average by the measured
    /// mean deviations and decides what each path divides by in this pass.
    constexpr void observe(double mean_deviation, double first_position_deviation) {
        const bool both_paths = calls_per_batch > 1;
        move_average(mean_deviation, first_position_deviation);
        refresh_if(!fixed || (!both_paths && !values_fixed));
        in_use = current(false);
        if (both_paths) {
            move_average(mean_deviation, first_position_deviation);
            refresh_if(!values_fixed);
        }
        values_in_use = current(false);
        if (calls_per_batch > 2) {
            move_average(mean_deviation, first_position_deviation);
            refresh_if(!values_fixed);
        }
        const Divisors of_last_call = current(true);
        values_in_use.end_of_text = of_last_call.end_of_text;
        values_in_use.first_end_of_text = of_last_call.first_end_of_text;
    }

    /// What a pass that changes nothing divides by; and one that observes, unless it `needs_measurement_now`.
    constexpr void hold() {
        in_use = current(false);
        values_in_use = current(true);
    }

    /// The end-of-text event: these tokens divide like the others from now on.
    constexpr void merge_end_of_text() { end_of_text_apart = false; }

    /// The first-position event: position 0 divides like the others from now on, and is averaged with them, as in the
    /// original.
    constexpr void merge_first_position() {
        tracking.first_position = FirstPosition::like_others;
        tracking.average_over = AverageOver::all_positions;
        first_position_apart = false;
        end_of_text_apart = false;
        first_position_divisor = divisor;
    }

    [[nodiscard]] constexpr bool removed() const { return fixed && values_fixed; }
    /// True when no divisor follows the data any more. Training then measures no deviation, and the averages stand
    /// still.
    [[nodiscard]] constexpr bool settled() const { return removed() && tracking.mode != DivisorMode::track; }
    /// True when a path that is fixed divides, in a pass that observes, by what this very pass measures. Otherwise
    /// `observe` may come any time after the pass: before it, `hold` says what the fixed paths divide by.
    ///
    /// That is so of every fixed path with DivisorMode::track. With DivisorMode::freeze the divisor stands still but
    /// for the calls of a path that is still real, which a fixed one sees where it shares that call (one call per
    /// batch) or comes after it (values, called after queries and keys).
    [[nodiscard]] constexpr bool needs_measurement_now() const {
        switch (tracking.mode) {
            case DivisorMode::constant:
                return false;
            case DivisorMode::freeze:
                return fixed != values_fixed && (values_fixed || calls_per_batch == 1);
            case DivisorMode::track:
                return fixed || values_fixed;
        }
        return true;
    }
    /// True when passes that observe move the divisor of a path that is fixed, so that no two divide by the same.
    [[nodiscard]] constexpr bool divisor_moves() const {
        switch (tracking.mode) {
            case DivisorMode::constant:
                return false;
            case DivisorMode::freeze:
                return fixed != values_fixed;
            case DivisorMode::track:
                return fixed || values_fixed;
        }
        return true;
    }
    /// True when one constant serves every token, which is what folding needs.
    [[nodiscard]] constexpr bool foldable() const { return removed() && !first_position_apart && !end_of_text_apart; }
    /// Why one constant does not serve every token, as the end of a sentence; or nothing.
    [[nodiscard]] std::string obstacle_to_constant() const {
        if (!fixed) return "still measures its divisor; fix it first";
        if (!values_fixed) return "still measures the divisor of its values; fix that path first";
        if (first_position_apart) return "treats the first position apart; merge it with the others first";
        if (end_of_text_apart) return "treats end-of-text tokens apart; merge them with the others first";
        if (!(divisor > 0) || !std::isfinite(divisor)) {
            return "divides by " + std::to_string(divisor) + "; expected a positive number";
        }
        return {};
    }

    /// From now on every token divides by `constant`.
    constexpr void divide_by(double constant) {
        *this = {.tracking = {.mode = DivisorMode::constant},
                 .calls_per_batch = calls_per_batch,
                 .fixed = true,
                 .values_fixed = true};
        start_at(constant, constant);
        hold();
    }

    /// Shows everything that outlives a pass (nn/layer_state.hpp). `of_paths` says what `fixed` and `values_fixed` may
    /// be.
    template <class Visitor>
    constexpr void visit(Visitor&& visitor, const FieldRule& of_paths) {
        visitor("mode", tracking.mode, FieldRule{.words = words::divisor_mode});
        visitor("momentum", tracking.momentum, from_zero_to_one);
        visitor("calls_of_ln_1", tracking.calls_of_ln_1, any_value);
        visitor("evaluation", tracking.evaluation, FieldRule{.words = words::evaluation_passes});
        visitor("first_position", tracking.first_position, FieldRule{.words = words::first_position});
        visitor("average_over", tracking.average_over, FieldRule{.words = words::average_over});
        visitor("calls_per_batch", calls_per_batch, any_value);
        visitor("fixed", fixed, of_paths);
        visitor("values_fixed", values_fixed, of_paths);
        visitor("average", average, above_zero);
        visitor("first_position_average", first_position_average, above_zero);
        visitor("divisor", divisor, above_zero);
        visitor("first_position_divisor", first_position_divisor, above_zero);
        visitor("first_position_apart", first_position_apart, any_value);
        visitor("end_of_text_apart", end_of_text_apart, any_value);
    }

private:
    constexpr void move_average(double mean_deviation, double first_position_deviation) {
        average = tracking.momentum * average + (1 - tracking.momentum) * mean_deviation;
        first_position_average =
            tracking.momentum * first_position_average + (1 - tracking.momentum) * first_position_deviation;
    }

    constexpr void refresh_if(bool path_is_real) {
        const bool follows =
            tracking.mode == DivisorMode::track || (tracking.mode == DivisorMode::freeze && path_is_real);
        if (!follows) return;
        divisor = average;
        first_position_divisor = first_position_apart ? first_position_average : average;
    }

    [[nodiscard]] constexpr Divisors current(bool with_end_of_text) const {
        const double first = first_position_apart ? first_position_divisor : divisor;
        return {divisor, first, with_end_of_text && end_of_text_apart ? first : divisor, first};
    }
};

}  // namespace lamina
