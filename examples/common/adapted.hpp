// SPDX-License-Identifier: MIT
// The type of the model that a run trains: norms that can be removed, and what the build says of adapters and precision.
#pragma once

#include <lamina/arch/adapter.hpp>
#include <lamina/arch/architecture.hpp>
#include <lamina/arch/precision.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/arch/trainable.hpp>
#include <lamina/nn/gpt2_of.hpp>
#include <lamina/removal/removable_norm.hpp>

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace common {

/// Where a device has matrix units for bf16, frozen bf16 weights meet activations in bf16.
template <class Described, class Device>
using PrecisionOf = std::conditional_t<
    std::string_view(Described::precision) == "fp32", lamina::precision::Fp32,
    std::conditional_t<std::string_view(Described::precision) == "all-bf16", lamina::precision::AllBf16,
                       std::conditional_t<std::is_same_v<Device, lamina::device::Cuda>, lamina::precision::MixedBf16,
                                          lamina::precision::FrozenBf16>>>;

/// Factors of a small rank cost less than a gradient of W + A·B and its once per step: from a quarter of the width on
/// they cost more (docs/performance.md).
template <class Described, std::size_t Width>
[[nodiscard]] consteval bool stays_factored() {
    if constexpr (Described::Adapter::present) return 4 * Described::Adapter::rank(Width) <= Width;
    return false;
}

/// `Once` where the adapter is applied once per step.
template <class Described, std::size_t Width, class Once>
using ExecutionOf = std::conditional_t<stays_factored<Described, Width>(), lamina::execution::Factored, Once>;

template <class Checkpoint, class Described, class... Ps>
using Adapted = lamina::Gpt2Of<Checkpoint, lamina::norm::Removable, typename Described::Adapter,
                               typename Described::Targets, Ps...>;

/// As the CPU trains it.
template <class Checkpoint, class Described>
using TrainedOnCpu = Adapted<Checkpoint, Described, PrecisionOf<Described, lamina::device::Cpu>, lamina::device::Cpu,
                             ExecutionOf<Described, Checkpoint::architecture.embed, lamina::execution::Merged>>;

/// Frozen, as it runs on any device.
template <class Checkpoint, class Described, class Device>
using AsItIs = Adapted<Checkpoint, Described, PrecisionOf<Described, lamina::device::Cpu>, Device,
                       ExecutionOf<Described, Checkpoint::architecture.embed, lamina::execution::Merged>,
                       lamina::trainable::Nothing>;

}  // namespace common
