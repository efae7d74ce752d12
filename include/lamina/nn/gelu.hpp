// SPDX-License-Identifier: MIT
// Gelu: GPT-2's activation function, the tanh form.
#pragma once

#include <cstddef>
#include <string_view>

#include <lamina/backend/contract.hpp>
#include <lamina/core/gelu.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/run/pass.hpp>

namespace lamina {

namespace detail {

struct GeluTanh {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T x) const {
        return math::gelu(x);
    }
};

struct GeluTanhBackward {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T x, T d_y) const {
        return d_y * math::gelu_derivative(x);
    }
};

}  // namespace detail

/// y = gelu(x), the tanh form (core/gelu.hpp).
///
/// shapes   x, y [N, Width]
/// source   Hendrycks & Gimpel 2016; docs/gpt2.md, "GELU"
template <std::size_t Width, class P>
struct Gelu {
    using Scalar = typename P::Activation;
    using Saved = NothingSaved;
    static constexpr std::size_t in = Width;
    static constexpr std::size_t out = Width;
    static constexpr bool token_wise = true;

    template <class Visitor>
    constexpr void visit(Visitor&&) {}

    template <class B>
    constexpr void forward(Pass<B>& pass, Rows<const Scalar, Width> x, Rows<Scalar, Width> y, Saved&) {
        pass.run(Map(y, detail::GeluTanh{}, x));
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const Scalar, Width> x, const Saved&, Rows<const Scalar, Width> d_y,
                            Rows<Scalar, Width> d_x) {
        if (!d_x.empty()) pass.run(Map(d_x, detail::GeluTanhBackward{}, x, d_y));
    }
};

}  // namespace lamina
