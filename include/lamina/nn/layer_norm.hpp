// SPDX-License-Identifier: MIT
// LayerNorm and RMSNorm: norms whose divisor is measured on every row.
#pragma once

#include <cstddef>

#include <lamina/arch/parameter.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/pass.hpp>

namespace lamina {

/// Added to the variance by every norm that measures it (reference 2.2, `layer_norm_epsilon`).
inline constexpr double norm_epsilon = 1e-5;

namespace detail {

template <class Compute>
struct SavedMoments {
    Tokens<Compute, 1> mean;
    Tokens<Compute, 1> deviation;

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor(mean);
        visitor(deviation);
    }
};

}  // namespace detail

/// y = (x - mean(x)) / sqrt(var(x) + 1e-5) · gain + bias.
///
/// shapes   x, y [N, Width]; gain, bias [Width]
/// saves    mean and deviation per token; x until backward, not copied
/// source   Ba et al. 2016; reference 2.3
template <std::size_t Width, class P>
class LayerNorm {
public:
    using InScalar = typename P::Stream;
    using OutScalar = typename P::Activation;
    using Scalar = OutScalar;
    using Saved = detail::SavedMoments<typename P::Compute>;
    static constexpr std::size_t in = Width;
    static constexpr std::size_t out = Width;
    static constexpr bool token_wise = true;
    static constexpr bool is_layer_norm = true;

    Parameter<P, Role::norm, Width> gain{Initial::constant(1)};
    Parameter<P, Role::norm, Width> bias{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("weight", gain);
        visitor("bias", bias);
    }

    template <class B>
    void forward(Pass<B>& pass, Tokens<const InScalar, Width> x, Tokens<OutScalar, Width> y, Saved& saved) {
        pass.backend.normalise_rows(
            NormaliseRows<InScalar, typename decltype(gain)::Scalar, OutScalar>{.x = x.matrix(),
                                                                                .y = y.matrix(),
                                                                                .mean = saved.mean.data(),
                                                                                .deviation = saved.deviation.data(),
                                                                                .gain = gain.values,
                                                                                .bias = bias.values,
                                                                                .epsilon = norm_epsilon});
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
        pass.backend.normalise_backward(
            NormaliseBackward<InScalar, typename decltype(gain)::Scalar, typename P::Gradient, OutScalar>{
                .x = x.matrix(),
                .mean = saved.mean.data(),
                .divisor = saved.deviation.data(),
                .gain = gain.values,
                .d_y = d_y.matrix(),
                .d_x = d_x.matrix(),
                .d_gain = gain.gradient,
                .d_bias = bias.gradient,
                .base = base.matrix()});
    }
};

/// y = x / sqrt(mean(x²) + 1e-5) · gain.
///
/// shapes   x, y [N, Width]; gain [Width]
/// saves    one scale per token; x until backward, not copied
/// source   Zhang & Sennrich 2019
template <std::size_t Width, class P>
class RmsNorm {
public:
    using InScalar = typename P::Stream;
    using OutScalar = typename P::Activation;
    using Scalar = OutScalar;
    using Saved = detail::SavedMoments<typename P::Compute>;
    static constexpr std::size_t in = Width;
    static constexpr std::size_t out = Width;
    static constexpr bool token_wise = true;
    static constexpr bool is_layer_norm = false;

    Parameter<P, Role::norm, Width> gain{Initial::constant(1)};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("weight", gain);
    }

    template <class B>
    void forward(Pass<B>& pass, Tokens<const InScalar, Width> x, Tokens<OutScalar, Width> y, Saved& saved) {
        pass.backend.normalise_rows(
            NormaliseRows<InScalar, typename decltype(gain)::Scalar, OutScalar>{.x = x.matrix(),
                                                                                .y = y.matrix(),
                                                                                .mean = saved.mean.data(),
                                                                                .deviation = saved.deviation.data(),
                                                                                .gain = gain.values,
                                                                                .epsilon = norm_epsilon,
                                                                                .centre = Centre::no});
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
        pass.backend.normalise_backward(
            NormaliseBackward<InScalar, typename decltype(gain)::Scalar, typename P::Gradient, OutScalar>{
                .x = x.matrix(),
                .mean = saved.mean.data(),
                .divisor = saved.deviation.data(),
                .gain = gain.values,
                .d_y = d_y.matrix(),
                .d_x = d_x.matrix(),
                .d_gain = gain.gradient,
                .centre = Centre::no,
                .base = base.matrix()});
    }
};

namespace norm {

/// Ordinary layer normalisation: GPT-2's own, and the default.
struct LayerNorm {
    using answers = question::Normalisation;
    template <std::size_t Width, class P, std::size_t Paths>
    using Layer = lamina::LayerNorm<Width, P>;
};

struct RmsNorm {
    using answers = question::Normalisation;
    template <std::size_t Width, class P, std::size_t Paths>
    using Layer = lamina::RmsNorm<Width, P>;
};

}  // namespace norm

}  // namespace lamina
