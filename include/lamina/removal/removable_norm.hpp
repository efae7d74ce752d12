// SPDX-License-Identifier: MIT
// RemovableNorm: a LayerNorm whose measured divisor can be replaced by a fixed one while the model trains.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lamina/arch/parameter.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/layer_norm.hpp>
#include <lamina/nn/layer_state.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/pass.hpp>
#include <lamina/nn/run/pass_start.hpp>
#include <lamina/removal/removable_state.hpp>

namespace lamina {

enum class RemovalStage : std::uint8_t {
    in_progress,  ///< each path measures or is fixed, as the state says
    complete      ///< every path is fixed, by type
};

/// Per path y = (x - mean(x)) / s · gain + bias, where s is the measured deviation of the row or a constant.
///
/// shapes   x, y [N, Width]; gain, bias [Width]
/// paths    2 before attention (queries and keys, then values), else 1
/// saves    mean, deviation and the divisors of each path per token; x until backward, not copied
/// updates  in Phase::train, unless the state is settled, and in Phase::evaluate if the tracking says so: the moving
///          average, when the work of the pass is queued (`end_pass`); at once, one number read back from the device,
///          where the pass divides by it (`RemovableState::needs_measurement_now`) and where it was not announced
/// source   docs/method.md, "Norms" and "Averages"
template <std::size_t Width, class P, std::size_t PathCount, RemovalStage Stage>
class RemovableNorm {
    static_assert(PathCount == 1 || PathCount == 2, "lamina: RemovableNorm: a norm has one or two paths; use 1 or 2");
    using Compute = typename P::Compute;

public:
    using InScalar = typename P::Stream;
    using OutScalar = typename P::Activation;
    using Scalar = OutScalar;
    static constexpr std::size_t in = Width;
    static constexpr std::size_t out = Width;
    static constexpr bool token_wise = true;
    static constexpr std::size_t paths = PathCount;
    static constexpr std::size_t measured_numbers = 2;  ///< the two that RemovableState::observe takes
    static constexpr bool is_layer_norm = Stage == RemovalStage::in_progress;
    static constexpr bool rounds_into = true;

    struct Saved {
        Rows<Compute, 1> mean;
        Rows<Compute, 1> deviation;
        Rows<Compute, 1> divisor;
        Rows<Compute, 1> values_divisor;

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            visitor(mean);
            visitor(deviation);
            visitor(divisor);
            if constexpr (PathCount == 2) visitor(values_divisor);
        }
    };

    Parameter<P, Role::norm, Width> gain{Initial::constant(1)};
    Bias<P, Role::norm, Width> bias{};
    RemovableState state{};

    constexpr RemovableNorm() { state.fixed = state.values_fixed = Stage == RemovalStage::complete; }

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("weight", gain);
        visitor("bias", bias);
    }

    template <class Visitor>
    constexpr void visit_state(Visitor&& visitor) {
        constexpr FieldRule only_fixed{.accepts = [](double value) { return value != 0; },
                                       .expected = "true, as the model's type is norm::FixedStd"};
        state.visit(visitor, Stage == RemovalStage::complete ? only_fixed : any_value);
    }

    // What makes it a FixableNorm (nn/fixable_norm.hpp).
    [[nodiscard]] constexpr bool divides_by_constant() const { return state.fixed || state.values_fixed; }
    [[nodiscard]] std::string obstacle_to_constant() const { return state.obstacle_to_constant(); }
    [[nodiscard]] constexpr double constant() const { return state.divisor; }
    constexpr void divide_by(double divisor) { state.divide_by(divisor); }

    /// True when the two paths give different results in this pass, so that both must be computed.
    [[nodiscard]] constexpr bool paths_differ() const {
        if constexpr (PathCount == 1) return false;
        if (state.fixed != state.values_fixed) return true;
        return state.fixed && state.in_use != state.values_in_use;
    }

    /// Decides what the coming pass divides by, unless it has to measure that itself.
    ///
    /// errors   ArgumentError in training when end-of-text tokens are treated apart and nobody said which they are
    void begin_pass(PassStart& start) {
        if (start.phase == Phase::train && state.end_of_text_apart && !start.end_of_text_told) {
            throw ArgumentError(
                "lamina: forward_backward: norms treat end-of-text tokens apart, and the model was never told which "
                "they "
                "are; call set_end_of_text, with -1 where there are none");
        }
        const bool observing = observes(start.phase);
        state.hold();
        first_number_ = no_number;
        start.key.add(state.fixed, state.values_fixed, observing);
        if (state.fixed) add_divisors(start.key, state.in_use);
        if (state.values_fixed) add_divisors(start.key, state.values_in_use);
        if (!observing) return;
        // With a divisor in the key that no later pass has again, recordings would be made in vain and push others out.
        if (state.divisor_moves()) start.key.forbid();
        if (!state.needs_measurement_now()) {
            first_number_ = start.reserve(measured_numbers);
            start.key.add(first_number_, averaged_positions(), state.tracking.first_position);
        }
    }

    /// The numbers that `observe` takes, of a pass that was announced and whose divisors they do not decide.
    template <class B, class F>
    void for_each_mean(const Pass<B>& pass, const F& f) const {
        if (!observes(pass.phase) || first_number_ == no_number) return;
        for_each_mean_of(observed_, pass.measured.middle_rows(first_number_, measured_numbers), f);
    }

    /// Lets the state observe what the pass has measured.
    void end_pass(std::span<const double> measured) {
        if (first_number_ != no_number) observe(measured.subspan(first_number_, measured_numbers));
        first_number_ = no_number;
    }

    /// For the plan: paths that differ borrow most.
    constexpr void assume_most_memory() {
        if constexpr (Stage == RemovalStage::complete) {
            state.first_position_apart = state.end_of_text_apart = true;
            state.first_position_divisor = 2 * state.divisor;
        } else {
            state.fixed = PathCount == 2;
            state.values_fixed = false;
            state.tracking.mode = DivisorMode::track;
        }
    }

    /// The result that queries and keys read, or all, and, where that differs and has a place of its own, the one that
    /// values read.
    template <class B>
    constexpr void forward(Pass<B>& pass, Rows<const InScalar, Width> x, Paths<OutScalar, Width> y, Saved& saved) {
        if (measure(pass, x, saved)) {
            normalise(pass, x, y.keys, saved, 0);
        } else {
            measure_and_normalise(pass, x, y.keys, saved);
        }
        if (paths_differ() && !y.same()) normalise(pass, x, y.values, saved, 1);
    }

    /// Adds to d_gain and d_bias.
    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const InScalar, Width> x, const Saved& saved,
                            Paths<const OutScalar, Width> d_y, Into<InScalar, Width> d_x) {
        const bool both = paths_differ() && !d_y.same();
        backward_path(pass, x, saved, d_y.keys, both ? Into(d_x.y, d_x.base) : d_x, 0);
        if (both) backward_path(pass, x, saved, d_y.values, Into(d_x.y, {}, d_x.rounded), 1);
    }

private:
    using Stored = typename Parameter<P, Role::norm, Width>::Scalar;
    static constexpr std::size_t no_number = static_cast<std::size_t>(-1);

    /// Fills what the paths that are fixed divide by. Where that depends on the rows they are measured first, and true
    /// is returned.
    template <class B>
    [[nodiscard]] constexpr bool measure(Pass<B>& pass, Rows<const InScalar, Width> x, Saved& saved) {
        const bool first = measures_first(pass);
        if (first) {
            pass.run(RowMoments<InScalar, Width>{
                .x = x, .mean = saved.mean, .deviation = saved.deviation, .epsilon = P::NormEpsilon::value});
            observe_now(pass, saved);
        } else if (pass.measured.empty() && pass.phase != Phase::recompute) {
            state.hold();
        }
        if (state.fixed) fill_divisors(pass, state.in_use, saved.divisor);
        if constexpr (PathCount == 2) {
            if (state.values_fixed) fill_divisors(pass, state.values_in_use, saved.values_divisor);
        }
        return first;
    }

    /// The result of a path whose moments or divisors are known.
    template <class B>
    constexpr void normalise(Pass<B>& pass, Rows<const InScalar, Width> x, Rows<OutScalar, Width> y, const Saved& saved,
                             std::size_t path) {
        pass.run(Normalise<InScalar, Stored, OutScalar, Width>{.x = x,
                                                               .y = y,
                                                               .mean = saved.mean,
                                                               .divisor = divisor_of(saved, path),
                                                               .gain = gain.values,
                                                               .bias = bias.values});
    }

    /// Path 0 (queries and keys, or the only one) writes d_x, path 1 (values) adds to it.
    template <class B>
    constexpr void backward_path(Pass<B>& pass, Rows<const InScalar, Width> x, const Saved& saved,
                                 Rows<const OutScalar, Width> d_y, Into<InScalar, Width> d_x, std::size_t path) {
        pass.run(NormaliseBackward<InScalar, Stored, typename P::Gradient, OutScalar, Width>{
            .x = x,
            .mean = saved.mean,
            .divisor = divisor_of(saved, path),
            .gain = gain.values,
            .d_y = d_y,
            .d_x = d_x.y,
            .d_gain = gain.gradient,
            .d_bias = bias.gradient,
            .statistics = is_fixed(path) ? Divisor::fixed : Divisor::live,
            .write = path == 0 ? Write::overwrite : Write::accumulate,
            .base = d_x.base,
            .rounded = d_x.template rounded_to<OutScalar>()});
    }

    [[nodiscard]] constexpr bool observes(Phase phase) const {
        if (phase == Phase::train) return !state.settled();
        return phase == Phase::evaluate && state.tracking.evaluation == EvaluationPasses::averaged;
    }
    /// Whether the state observes a pass before any of its paths divides.
    template <class B>
    [[nodiscard]] constexpr bool measures_first(const Pass<B>& pass) const {
        return observes(pass.phase) && (pass.measured.empty() || state.needs_measurement_now());
    }

    [[nodiscard]] constexpr Positions averaged_positions() const {
        return state.tracking.average_over == AverageOver::all_but_first ? Positions::after_first : Positions::all;
    }
    [[nodiscard]] constexpr bool follows_first_position() const {
        return state.tracking.first_position == FirstPosition::apart;
    }

    static void add_divisors(ReplayKey& key, const Divisors& divisors) {
        key.add(divisors.ordinary, divisors.first_position, divisors.end_of_text, divisors.first_end_of_text);
    }

    /// Moments and the result of path 0 in one go; whoever runs the pass has the deviations averaged.
    template <class B>
    constexpr void measure_and_normalise(Pass<B>& pass, Rows<const InScalar, Width> x, Rows<OutScalar, Width> y,
                                         const Saved& saved) {
        const bool observing = observes(pass.phase);
        const bool measures = observing || !state.removed();
        pass.run(NormaliseRows<InScalar, Stored, OutScalar, Width>{
            .x = x,
            .y = y,
            .mean = saved.mean,
            .deviation = measures ? saved.deviation : Rows<Compute, 1>{},
            .divisor = is_fixed(0) ? saved.divisor : Rows<Compute, 1>{},
            .gain = gain.values,
            .bias = bias.values,
            .epsilon = P::NormEpsilon::value});
        if (observing) observed_ = saved.deviation;
    }

    /// The numbers that `observe` takes.
    template <class F>
    constexpr void for_each_mean_of(Rows<const Compute, 1> deviations, Rows<double, 1> numbers, const F& f) const {
        f(TokenMean<Compute>{deviations, averaged_positions(), numbers.middle_rows(0, 1)});
        if (follows_first_position()) {
            f(TokenMean<Compute>{deviations, Positions::first, numbers.middle_rows(1, 1)});
        }
    }

    constexpr void observe(std::span<const double> numbers) {
        state.observe(numbers[0], follows_first_position() ? numbers[1] : numbers[0]);
    }

    template <class B>
    constexpr void observe_now(Pass<B>& pass, const Saved& saved) {
        typename ScratchStack::Frame frame(pass.scratch);
        const auto on_device = frame.template take<double, 1>(measured_numbers);
        std::array<double, measured_numbers> numbers{};
        MeansOverTokens<Compute> means{.extent = pass.extent};
        for_each_mean_of(saved.deviation, on_device, [&](const TokenMean<Compute>& mean) { means.add(mean); });
        pass.run(means);
        pass.backend.download(numbers.data(), on_device.data, (follows_first_position() ? 2 : 1) * sizeof(double));
        observe(numbers);
    }

    [[nodiscard]] constexpr bool is_fixed(std::size_t path) const {
        return path == 0 ? state.fixed : state.values_fixed;
    }

    [[nodiscard]] constexpr Rows<const Compute, 1> divisor_of(const Saved& saved, std::size_t path) const {
        if (!is_fixed(path)) return saved.deviation;
        return path == 0 ? saved.divisor : saved.values_divisor;
    }

    template <class B>
    static constexpr void fill_divisors(Pass<B>& pass, const Divisors& divisors, Rows<Compute, 1> rows) {
        pass.run(DivisorRows<Compute>{.ids = pass.ids,
                                      .extent = pass.extent,
                                      .divisor = rows,
                                      .ordinary = divisors.ordinary,
                                      .first_position = divisors.first_position,
                                      .end_of_text = divisors.end_of_text,
                                      .first_end_of_text = divisors.first_end_of_text,
                                      .end_of_text_id = pass.end_of_text,
                                      .positions = pass.positions});
    }

    std::size_t first_number_ = no_number;  // of Pass::measured, in a pass that was announced and observes,
    Rows<const Compute, 1> observed_{};     // and what it then is the mean of
};

namespace norm {

/// A LayerNorm that a removal schedule can turn, path by path, into a fixed divisor.
struct Removable {
    using answers = question::Normalisation;
    template <std::size_t Width, class P, std::size_t Paths>
    using Layer = RemovableNorm<Width, P, Paths, RemovalStage::in_progress>;
};

/// A norm whose every path divides by a constant: what a finished removal leaves.
struct FixedStd {
    using answers = question::Normalisation;
    template <std::size_t Width, class P, std::size_t Paths>
    using Layer = RemovableNorm<Width, P, Paths, RemovalStage::complete>;
};

}  // namespace norm

}  // namespace lamina
