// SPDX-License-Identifier: MIT
// Gpt2Blocks: whether a model is made of GPT-2's own blocks and last norm, whatever norm its policies ask for.
#pragma once

#include <type_traits>

#include <lamina/arch/architecture.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/gpt2.hpp>

namespace lamina {

namespace detail {

template <class M>
consteval bool has_gpt2_blocks() {
    if constexpr (requires {
                      typename M::Block;
                      typename M::FinalNorm;
                  }) {
        using Parts = PlainGpt2<M::architecture, typename M::Policies>;
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
