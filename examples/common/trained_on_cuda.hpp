// SPDX-License-Identifier: MIT
// What is trained of each size on a GPU, and what of it is kept in memory, by the memory that there is.
#pragma once

#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>

#include <type_traits>

namespace common {

/// Norms that can be removed, and adapters of full rank on frozen bf16 weights.
template <lamina::Architecture A, class Execution, class Recompute, class Gradients>
using RemovableOnCuda = lamina::Gpt2<A, lamina::norm::Removable, lamina::adapter::FullRank, lamina::device::Cuda,
                                     lamina::precision::MixedBf16, Execution, Recompute, Gradients>;

/// For devices with room for every activation and every gradient.
template <lamina::Architecture A, class Execution>
using KeptOnCuda = RemovableOnCuda<A, Execution, lamina::recompute::None, lamina::gradients::Stored>;

/// From which size on a card of 80 GB has no room for every gradient, and for the activations of every block.
template <lamina::Architecture A>
inline constexpr bool streams_gradients = A.layers >= lamina::gpt2_large.layers;
template <lamina::Architecture A>
inline constexpr bool recomputes_blocks = A.layers >= lamina::gpt2_xl.layers;

/// For every card from 80 GB on. What is not summed once per step cannot be streamed.
template <lamina::Architecture A, class Execution>
using TrainedOnCuda =
    RemovableOnCuda<A, Execution,
                    std::conditional_t<recomputes_blocks<A>, lamina::recompute::PerBlock, lamina::recompute::None>,
                    std::conditional_t<streams_gradients<A> && Execution::once_per_step, lamina::gradients::Streamed,
                                       lamina::gradients::Stored>>;

}  // namespace common
