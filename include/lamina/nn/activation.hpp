// SPDX-License-Identifier: MIT
// Activate: an activation function as a layer, and Gelu, the one of GPT-2.
#pragma once

#include <cstddef>

#include <lamina/arch/gpt2_variant.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/host_device.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/run/pass.hpp>

namespace lamina {

namespace detail {

template <class Function>
struct ActivationValue {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T x) const {
        return Function::value(x);
    }
};

template <class Function>
struct ActivationSlope {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T x, T d_y) const {
        return d_y * Function::slope(x);
    }
};

}  // namespace detail

/// y = f(x), where `Function` is an activation:: policy: static functions `value(x)` and `slope(x)` for float and
/// double.
///
/// shapes   x, y [N, Width]
template <class Function, std::size_t Width, class P>
struct Activate {
    using Scalar = typename P::Activation;
    using Saved = NothingSaved;
    static constexpr std::size_t in = Width;
    static constexpr std::size_t out = Width;
    static constexpr bool token_wise = true;

    template <class Visitor>
    constexpr void visit(Visitor&&) {}

    template <class B>
    constexpr void forward(Pass<B>& pass, Rows<const Scalar, Width> x, Rows<Scalar, Width> y, Saved&) {
        pass.run(Map(y, detail::ActivationValue<Function>{}, x));
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const Scalar, Width> x, const Saved&, Rows<const Scalar, Width> d_y,
                            Rows<Scalar, Width> d_x) {
        if (!d_x.empty()) pass.run(Map(d_x, detail::ActivationSlope<Function>{}, x, d_y));
    }
};

/// y = gelu(x), the tanh form (core/activation.hpp).
template <std::size_t Width, class P>
using Gelu = Activate<activation::GeluNew, Width, P>;

}  // namespace lamina
