// SPDX-License-Identifier: MIT
// Gelu: GPT-2's activation function, the tanh form.
#pragma once

#include <cstddef>
#include <string_view>

#include <lamina/backend/contract.hpp>
#include <lamina/core/gelu.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/pass.hpp>

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
/// source   Hendrycks & Gimpel 2016; reference 2.3
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
    void forward(Pass<B>& pass, Tokens<const Scalar, Width> x, Tokens<Scalar, Width> y, Saved&) {
        pass.backend.map(y.matrix(), detail::GeluTanh{}, x.matrix());
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const Scalar, Width> x, const Saved&, Tokens<const Scalar, Width> d_y,
                  Tokens<Scalar, Width> d_x) {
        if (!d_x.empty()) pass.backend.map(d_x.matrix(), detail::GeluTanhBackward{}, x.matrix(), d_y.matrix());
    }
};

}  // namespace lamina
