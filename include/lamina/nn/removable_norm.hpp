// SPDX-License-Identifier: MIT
// RemovableNorm: a LayerNorm whose measured divisor can be replaced by a fixed one while the model trains.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <lamina/arch/parameter.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/layer_norm.hpp>
#include <lamina/nn/pass.hpp>
#include <lamina/nn/pass_start.hpp>
#include <lamina/nn/removable_state.hpp>

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
/// source   reference 5.1, 5.2
template <std::size_t Width, class P, std::size_t Paths, RemovalStage Stage>
class RemovableNorm {
    static_assert(Paths == 1 || Paths == 2, "lamina: RemovableNorm: a norm has one or two paths; use 1 or 2");
    using Compute = typename P::Compute;

public:
    using InScalar = typename P::Stream;
    using OutScalar = typename P::Activation;
    using Scalar = OutScalar;
    static constexpr std::size_t in = Width;
    static constexpr std::size_t out = Width;
    static constexpr bool token_wise = true;
    static constexpr std::size_t paths = Paths;
    static constexpr std::size_t measured_numbers = 2;  ///< the two that RemovableState::observe takes
    static constexpr bool is_layer_norm = Stage == RemovalStage::in_progress;

    struct Saved {
        Tokens<Compute, 1> mean;
        Tokens<Compute, 1> deviation;
        Tokens<Compute, 1> divisor;
        Tokens<Compute, 1> values_divisor;

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            visitor(mean);
            visitor(deviation);
            visitor(divisor);
            if constexpr (Paths == 2) visitor(values_divisor);
        }
    };

    Parameter<P, Role::norm, Width> gain{Initial::constant(1)};
    Parameter<P, Role::norm, Width> bias{};
    RemovableState state{};

    constexpr RemovableNorm() { state.fixed = state.values_fixed = Stage == RemovalStage::complete; }

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("weight", gain);
        visitor("bias", bias);
    }

    /// True when the two paths give different results in this pass, so that both must be computed.
    [[nodiscard]] bool paths_differ() const {
        if constexpr (Paths == 1) return false;
        if (state.fixed != state.values_fixed) return true;
        return state.fixed && state.in_use != state.values_in_use;
    }

    /// Decides what the coming pass divides by, unless it has to measure that itself.
    void begin_pass(PassStart& start) {
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

    /// Lets the state observe what the pass has measured.
    void end_pass(std::span<const double> measured) {
        if (first_number_ != no_number) observe(measured.subspan(first_number_, measured_numbers));
        first_number_ = no_number;
    }

    /// Fills what the paths that are fixed divide by, measuring the rows first where that depends on them. Call once
    /// per pass, before `forward_path`.
    template <class B>
    void measure(Pass<B>& pass, Tokens<const InScalar, Width> x, Saved& saved) {
        if (measures_first(pass)) {
            pass.backend.row_moments(RowMoments<InScalar>{.x = x.matrix(),
                                                          .mean = saved.mean.data(),
                                                          .deviation = saved.deviation.data(),
                                                          .epsilon = norm_epsilon});
            observe_now(pass, saved);
        } else if (pass.measured == nullptr && pass.phase != Phase::recompute) {
            state.hold();
        }
        if (state.fixed) fill_divisors(pass, state.in_use, saved.divisor);
        if constexpr (Paths == 2) {
            if (state.values_fixed) fill_divisors(pass, state.values_in_use, saved.values_divisor);
        }
    }

    template <class B>
    void forward(Pass<B>& pass, Tokens<const InScalar, Width> x, Tokens<OutScalar, Width> y, Saved& saved) {
        measure(pass, x, saved);
        forward_path(pass, x, y, saved, 0);
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const InScalar, Width> x, const Saved& saved,
                  Tokens<const OutScalar, Width> d_y, Tokens<InScalar, Width> d_x) {
        backward_onto(pass, x, saved, d_y, {}, d_x);
    }

    template <class B>
    void backward_onto(Pass<B>& pass, Tokens<const InScalar, Width> x, const Saved& saved,
                       Tokens<const OutScalar, Width> d_y, Tokens<const InScalar, Width> base,
                       Tokens<InScalar, Width> d_x) {
        backward_path(pass, x, saved, d_y, base, d_x, 0);
    }

    /// The result that path 0 (queries and keys, or the only one) or path 1 (values) reads; path 0 first.
    template <class B>
    void forward_path(Pass<B>& pass, Tokens<const InScalar, Width> x, Tokens<OutScalar, Width> y, const Saved& saved,
                      std::size_t path) {
        if (path == 0 && !measures_first(pass)) return measure_and_normalise(pass, x, y, saved);
        pass.backend.normalise(Normalise<InScalar, Stored, OutScalar>{.x = x.matrix(),
                                                                      .y = y.matrix(),
                                                                      .mean = saved.mean.data(),
                                                                      .divisor = divisor_of(saved, path),
                                                                      .gain = gain.values,
                                                                      .bias = bias.values});
    }

    /// The backward of one path; adds to d_gain and d_bias. Path 0 writes d_x, onto `base` unless that is empty; path 1
    /// adds to d_x.
    template <class B>
    void backward_path(Pass<B>& pass, Tokens<const InScalar, Width> x, const Saved& saved,
                       Tokens<const OutScalar, Width> d_y, Tokens<const InScalar, Width> base,
                       Tokens<InScalar, Width> d_x, std::size_t path) {
        pass.backend.normalise_backward(NormaliseBackward<InScalar, Stored, typename P::Gradient, OutScalar>{
            .x = x.matrix(),
            .mean = saved.mean.data(),
            .divisor = divisor_of(saved, path),
            .gain = gain.values,
            .d_y = d_y.matrix(),
            .d_x = d_x.matrix(),
            .d_gain = gain.gradient,
            .d_bias = bias.gradient,
            .statistics = is_fixed(path) ? Divisor::fixed : Divisor::live,
            .write = path == 0 ? Write::overwrite : Write::accumulate,
            .base = base.matrix()});
    }

    [[nodiscard]] static constexpr std::size_t scratch_bytes(Extent) {
        return scratch_bytes_for<double, 1>(measured_numbers);
    }

private:
    using Stored = typename Parameter<P, Role::norm, Width>::Scalar;
    static constexpr std::size_t no_number = static_cast<std::size_t>(-1);

    [[nodiscard]] bool observes(Phase phase) const {
        if (phase == Phase::train) return !state.settled();
        return phase == Phase::evaluate && state.tracking.evaluation == EvaluationPasses::averaged;
    }
    /// Whether the state observes a pass before any of its paths divides.
    template <class B>
    [[nodiscard]] bool measures_first(const Pass<B>& pass) const {
        return observes(pass.phase) && (pass.measured == nullptr || state.needs_measurement_now());
    }

    [[nodiscard]] Positions averaged_positions() const {
        return state.tracking.average_over == AverageOver::all_but_first ? Positions::after_first : Positions::all;
    }
    [[nodiscard]] bool follows_first_position() const { return state.tracking.first_position == FirstPosition::apart; }

    static void add_divisors(ReplayKey& key, const Divisors& divisors) {
        key.add(divisors.ordinary, divisors.first_position, divisors.end_of_text);
    }

    /// Moments and the result of path 0 in one go; the mean deviation goes where `end_pass` finds it.
    template <class B>
    void measure_and_normalise(Pass<B>& pass, Tokens<const InScalar, Width> x, Tokens<OutScalar, Width> y,
                               const Saved& saved) {
        const bool observing = observes(pass.phase);
        const bool measures = observing || !state.removed();
        pass.backend.normalise_rows(
            NormaliseRows<InScalar, Stored, OutScalar>{.x = x.matrix(),
                                                       .y = y.matrix(),
                                                       .mean = saved.mean.data(),
                                                       .deviation = measures ? saved.deviation.data() : nullptr,
                                                       .divisor = is_fixed(0) ? saved.divisor.data() : nullptr,
                                                       .gain = gain.values,
                                                       .bias = bias.values,
                                                       .epsilon = norm_epsilon});
        if (observing) average_deviations(pass, saved, pass.measured + first_number_);
    }

    /// Queues the numbers that `observe` takes.
    template <class B>
    void average_deviations(Pass<B>& pass, const Saved& saved, double* numbers) const {
        const auto average = [&](Positions positions, double* mean) {
            pass.backend.mean_over_tokens(MeanOverTokens<Compute>{
                .values = saved.deviation.data(), .extent = pass.extent, .positions = positions, .mean = mean});
        };
        average(averaged_positions(), numbers);
        if (follows_first_position()) average(Positions::first, numbers + 1);
    }

    void observe(std::span<const double> numbers) {
        state.observe(numbers[0], follows_first_position() ? numbers[1] : numbers[0]);
    }

    template <class B>
    void observe_now(Pass<B>& pass, const Saved& saved) {
        typename ScratchStack::Frame frame(pass.scratch);
        double* const on_device = frame.template take<double, 1>(measured_numbers).data();
        std::array<double, measured_numbers> numbers{};
        average_deviations(pass, saved, on_device);
        pass.backend.download(numbers.data(), on_device, (follows_first_position() ? 2 : 1) * sizeof(double));
        observe(numbers);
    }

    [[nodiscard]] bool is_fixed(std::size_t path) const { return path == 0 ? state.fixed : state.values_fixed; }

    [[nodiscard]] const Compute* divisor_of(const Saved& saved, std::size_t path) const {
        if (!is_fixed(path)) return saved.deviation.data();
        return path == 0 ? saved.divisor.data() : saved.values_divisor.data();
    }

    template <class B>
    static void fill_divisors(Pass<B>& pass, const Divisors& divisors, Tokens<Compute, 1> rows) {
        pass.backend.divisor_rows(DivisorRows<Compute>{.ids = pass.ids,
                                                       .extent = pass.extent,
                                                       .divisor = rows.data(),
                                                       .ordinary = divisors.ordinary,
                                                       .first_position = divisors.first_position,
                                                       .end_of_text = divisors.end_of_text,
                                                       .end_of_text_id = pass.end_of_text,
                                                       .positions = pass.positions});
    }

    std::size_t first_number_ = no_number;  // of Pass::measured, in a pass that was announced and observes
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
