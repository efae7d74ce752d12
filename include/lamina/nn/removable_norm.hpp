// SPDX-License-Identifier: MIT
// RemovableNorm: a LayerNorm whose measured divisor can be replaced by a fixed one while the model trains.
#pragma once

#include <cstddef>
#include <cstdint>

#include <lamina/arch/parameter.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/layer_norm.hpp>
#include <lamina/nn/pass.hpp>
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
///          average (one number is read back from the device for that)
/// source   reference 5.1, 5.2
template <std::size_t Width, class P, std::size_t Paths, RemovalStage Stage>
class RemovableNorm {
    static_assert(Paths == 1 || Paths == 2, "lamina: RemovableNorm: a norm has one or two paths; use 1 or 2");
    using Compute = typename P::Compute;

public:
    using Scalar = typename P::Activation;
    static constexpr std::size_t in = Width;
    static constexpr std::size_t out = Width;
    static constexpr bool token_wise = true;
    static constexpr std::size_t paths = Paths;
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

    /// Measures the rows and lets the state decide what is divided by. Call once per pass, before `forward_path`.
    template <class B>
    void measure(Pass<B>& pass, Tokens<const Scalar, Width> x, Saved& saved) {
        B& backend = pass.backend;
        const bool observes =
            (pass.phase == Phase::train && !state.settled()) ||
            (pass.phase == Phase::evaluate && state.tracking.evaluation == EvaluationPasses::averaged);
        const bool measures = observes || !state.removed();
        backend.row_moments(RowMoments<Scalar>{.x = x.matrix(),
                                               .mean = saved.mean.data(),
                                               .deviation = measures ? saved.deviation.data() : nullptr,
                                               .epsilon = norm_epsilon});
        if (observes) {
            const Positions positions =
                state.tracking.average_over == AverageOver::all_but_first ? Positions::after_first : Positions::all;
            const double all = backend.mean_over_tokens(saved.deviation.data(), pass.extent, positions);
            const double first = state.tracking.first_position == FirstPosition::apart
                                     ? backend.mean_over_tokens(saved.deviation.data(), pass.extent, Positions::first)
                                     : all;
            state.observe(all, first);
        } else if (pass.phase != Phase::recompute) {
            state.hold();
        }
        if (state.fixed) fill_divisors(pass, state.in_use, saved.divisor);
        if constexpr (Paths == 2) {
            if (state.values_fixed) fill_divisors(pass, state.values_in_use, saved.values_divisor);
        }
    }

    template <class B>
    void forward(Pass<B>& pass, Tokens<const Scalar, Width> x, Tokens<Scalar, Width> y, Saved& saved) {
        measure(pass, x, saved);
        forward_path(pass, x, y, saved, 0);
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const Scalar, Width> x, const Saved& saved, Tokens<const Scalar, Width> d_y,
                  Tokens<Scalar, Width> d_x) {
        backward_path(pass, x, saved, d_y, d_x, 0, Write::overwrite);
    }

    /// The result that path 0 (queries and keys, or the only one) or path 1 (values) reads.
    template <class B>
    void forward_path(Pass<B>& pass, Tokens<const Scalar, Width> x, Tokens<Scalar, Width> y, const Saved& saved,
                      std::size_t path) {
        pass.backend.normalise(Normalise<Scalar, Stored>{.x = x.matrix(),
                                                         .y = y.matrix(),
                                                         .mean = saved.mean.data(),
                                                         .divisor = divisor_of(saved, path),
                                                         .gain = gain.values,
                                                         .bias = bias.values});
    }

    /// The backward of one path; adds to d_gain and d_bias, writes d_x as told.
    template <class B>
    void backward_path(Pass<B>& pass, Tokens<const Scalar, Width> x, const Saved& saved,
                       Tokens<const Scalar, Width> d_y, Tokens<Scalar, Width> d_x, std::size_t path, Write write) {
        pass.backend.normalise_backward(NormaliseBackward<Scalar, Stored, typename P::Gradient>{
            .x = x.matrix(),
            .mean = saved.mean.data(),
            .divisor = divisor_of(saved, path),
            .gain = gain.values,
            .d_y = d_y.matrix(),
            .d_x = d_x.matrix(),
            .d_gain = gain.gradient,
            .d_bias = bias.gradient,
            .statistics = is_fixed(path) ? Divisor::fixed : Divisor::live,
            .write = write});
    }

private:
    using Stored = typename Parameter<P, Role::norm, Width>::Scalar;

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
