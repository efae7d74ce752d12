// SPDX-License-Identifier: MIT
// Gpt2Blocks: whether a model is made of GPT-2's own blocks and last norm, whatever norm its policies ask for.
#pragma once

#include <type_traits>

#include <lamina/arch/architecture.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/gpt2.hpp>

namespace lamina {

namespace detail {

// A class between the alias and a dependent architecture: g++ 12 crashes without it.
template <Architecture A, class P>
struct Gpt2Parts {
    using Block = Gpt2Block<A, P>;
    using FinalNorm = Named<"ln_f", NormFor<P, A.embed>>;
};

template <class M>
consteval bool has_gpt2_blocks() {
    if constexpr (requires {
                      typename M::Block;
                      typename M::FinalNorm;
                  }) {
        using Parts = Gpt2Parts<M::architecture, typename M::Policies>;
        return std::is_same_v<typename M::Block, typename Parts::Block> &&
               std::is_same_v<typename M::FinalNorm, typename Parts::FinalNorm>;
    } else {
        return false;
    }
}

}  // namespace detail

/// A model whose layers are those of `Gpt2<…>` for some policies, so that files and `fold` know what its tensors mean.
template <class M>
concept Gpt2Blocks = detail::has_gpt2_blocks<M>();

}  // namespace lamina
