// SPDX-License-Identifier: MIT
// LayerNorm and RMSNorm: norms whose divisor is measured on every row.
#pragma once

#include <cstddef>

#include <lamina/arch/parameter.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/pass.hpp>

namespace lamina {

namespace detail {

template <class Compute>
struct SavedMoments {
    Rows<Compute, 1> mean;
    Rows<Compute, 1> deviation;

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor(mean);
        visitor(deviation);
    }
};

}  // namespace detail

/// y = (x - mean(x)) / sqrt(var(x) + epsilon) · gain + bias.
///
/// shapes   x, y [N, Width]; gain, bias [Width]
/// saves    mean and deviation per token; x until backward, not copied
/// source   Ba et al. 2016; docs/gpt2.md, "LayerNorm"
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
    static constexpr bool rounds_into = true;

    Parameter<P, Role::norm, Width> gain{Initial::constant(1)};
    Bias<P, Role::norm, Width> bias{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("weight", gain);
        visitor("bias", bias);
    }

    template <class B>
    constexpr void forward(Pass<B>& pass, Rows<const InScalar, Width> x, Rows<OutScalar, Width> y, Saved& saved) {
        pass.run(NormaliseRows<InScalar, typename decltype(gain)::Scalar, OutScalar, Width>{
            .x = x,
            .y = y,
            .mean = saved.mean,
            .deviation = saved.deviation,
            .gain = gain.values,
            .bias = bias.values,
            .epsilon = P::NormEpsilon::value});
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const InScalar, Width> x, const Saved& saved,
                            Rows<const OutScalar, Width> d_y, Into<InScalar, Width> d_x) {
        pass.run(NormaliseBackward<InScalar, typename decltype(gain)::Scalar, typename P::Gradient, OutScalar, Width>{
            .x = x,
            .mean = saved.mean,
            .divisor = saved.deviation,
            .gain = gain.values,
            .d_y = d_y,
            .d_x = d_x.y,
            .d_gain = gain.gradient,
            .d_bias = bias.gradient,
            .base = d_x.base,
            .rounded = d_x.template rounded_to<OutScalar>()});
    }
};

/// y = x / sqrt(mean(x²) + epsilon) · gain.
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
    static constexpr bool rounds_into = true;

    Parameter<P, Role::norm, Width> gain{Initial::constant(1)};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("weight", gain);
    }

    template <class B>
    constexpr void forward(Pass<B>& pass, Rows<const InScalar, Width> x, Rows<OutScalar, Width> y, Saved& saved) {
        pass.run(
            NormaliseRows<InScalar, typename decltype(gain)::Scalar, OutScalar, Width>{.x = x,
                                                                                       .y = y,
                                                                                       .mean = saved.mean,
                                                                                       .deviation = saved.deviation,
                                                                                       .gain = gain.values,
                                                                                       .epsilon = P::NormEpsilon::value,
                                                                                       .centre = Centre::no});
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const InScalar, Width> x, const Saved& saved,
                            Rows<const OutScalar, Width> d_y, Into<InScalar, Width> d_x) {
        pass.run(NormaliseBackward<InScalar, typename decltype(gain)::Scalar, typename P::Gradient, OutScalar, Width>{
            .x = x,
            .mean = saved.mean,
            .divisor = saved.deviation,
            .gain = gain.values,
            .d_y = d_y,
            .d_x = d_x.y,
            .d_gain = gain.gradient,
            .centre = Centre::no,
            .base = d_x.base,
            .rounded = d_x.template rounded_to<OutScalar>()});
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
