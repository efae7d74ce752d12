// SPDX-License-Identifier: MIT
// AbsentNorm: the place where a norm was before it was folded into its neighbours.
#pragma once

#include <cstddef>

#include <lamina/arch/policy.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/detail/functors.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/pass.hpp>

namespace lamina {

/// y = x. `PreNorm` recognises it and passes its input on without a copy.
template <std::size_t Width, class P>
struct AbsentNorm {
    using InScalar = typename P::Stream;
    using OutScalar = typename P::Activation;
    using Scalar = OutScalar;
    using Saved = NothingSaved;
    static constexpr std::size_t in = Width;
    static constexpr std::size_t out = Width;
    static constexpr bool token_wise = true;
    static constexpr bool is_layer_norm = false;
    static constexpr bool is_identity = true;

    template <class Visitor>
    constexpr void visit(Visitor&&) {}

    template <class B>
    void forward(Pass<B>& pass, Tokens<const InScalar, Width> x, Tokens<OutScalar, Width> y, Saved&) {
        pass.backend.map(y.matrix(), detail::Identity{}, x.matrix());
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const InScalar, Width>, const Saved&, Tokens<const OutScalar, Width> d_y,
                  Tokens<InScalar, Width> d_x) {
        if (!d_x.empty()) pass.backend.map(d_x.matrix(), detail::Identity{}, d_y.matrix());
    }
};

namespace norm {

/// No norm at all: what `fold` leaves.
struct Absent {
    using answers = question::Normalisation;
    template <std::size_t Width, class P, std::size_t Paths>
    using Layer = AbsentNorm<Width, P>;
};

}  // namespace norm

}  // namespace lamina
