// SPDX-License-Identifier: MIT
// What is trained of each model on a GPU, and what of it is kept in memory, by the memory that there is.
#pragma once

#include "adapted.hpp"

#include <lamina/arch/architecture.hpp>
#include <lamina/nn/gpt2.hpp>

#include <type_traits>

namespace common {

template <class Checkpoint, class Described, class Execution, class... Ps>
using AdaptedOnCuda = Adapted<Checkpoint, Described, PrecisionOf<Described, lamina::device::Cuda>, lamina::device::Cuda,
                              Execution, Ps...>;

/// For devices with room for every activation and every gradient.
template <class Checkpoint, class Described, class Execution>
using KeptOnCuda = AdaptedOnCuda<Checkpoint, Described, Execution>;

/// From which size on a card of 80 GB has no room for every gradient, and for the activations of every block.
template <lamina::Architecture A>
inline constexpr bool streams_gradients = A.layers >= lamina::gpt2_large.layers;
template <lamina::Architecture A>
inline constexpr bool recomputes_blocks = A.layers >= lamina::gpt2_xl.layers;

/// Gradients of adapters that are applied once per step can be formed one at a time.
template <class Checkpoint, class Described, class Execution>
inline constexpr bool can_stream =
    streams_gradients<Checkpoint::architecture>&& Described::Adapter::present&& Execution::once_per_step;

/// For every card from 80 GB on.
template <class Checkpoint, class Described, class Execution>
using TrainedOnCuda = AdaptedOnCuda<Checkpoint, Described, Execution,
                                    std::conditional_t<recomputes_blocks<Checkpoint::architecture>,
                                                       lamina::recompute::PerBlock, lamina::recompute::None>,
                                    std::conditional_t<can_stream<Checkpoint, Described, Execution>,
                                                       lamina::gradients::Streamed, lamina::gradients::Stored>>;

}  // namespace common
