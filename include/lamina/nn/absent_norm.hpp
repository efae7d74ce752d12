// SPDX-License-Identifier: MIT
// AbsentNorm: the place where a norm was before it was folded into its neighbours.
#pragma once

#include <cstddef>

#include <lamina/arch/policy.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/detail/functors.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/run/pass.hpp>

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
    constexpr void forward(Pass<B>& pass, Rows<const InScalar, Width> x, Rows<OutScalar, Width> y, Saved&) {
        pass.run(Map(y, detail::Identity{}, x));
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const InScalar, Width>, const Saved&, Rows<const OutScalar, Width> d_y,
                            Rows<InScalar, Width> d_x) {
        if (!d_x.empty()) pass.run(Map(d_x, detail::Identity{}, d_y));
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
