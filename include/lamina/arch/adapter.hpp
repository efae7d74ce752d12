// SPDX-License-Identifier: MIT
// Adapter and execution policies: which low-rank factors a linear layer carries, and how their product is applied.
#pragma once

#include <cstddef>

#include <lamina/arch/policy.hpp>

namespace lamina::adapter {

/// y = x·W + b and nothing more.
struct None {
    using answers = question::Adapter;
    static constexpr bool present = false;
};

/// y = x·W + b + (Alpha / Rank) (x·A)·B with A [In, Rank] uniform in ±1/sqrt(Rank) and B [Rank, Out] zero
/// (reference 5.6).
template <std::size_t Rank, std::size_t Alpha = Rank>
struct Lora {
    static_assert(Rank != 0, "lamina: adapter::Lora: rank must be at least 1; use adapter::None for no adapter");
    using answers = question::Adapter;
    static constexpr bool present = true;
    static constexpr bool identity_start = false;
    static constexpr double scale = static_cast<double>(Alpha) / static_cast<double>(Rank);
    [[nodiscard]] static constexpr std::size_t rank(std::size_t /*in*/) { return Rank; }
};

/// y = x·W + b + (x·A)·B with A [In, In] the identity and B [In, Out] zero at the start.
struct FullRank {
    using answers = question::Adapter;
    static constexpr bool present = true;
    static constexpr bool identity_start = true;
    static constexpr double scale = 1;
    [[nodiscard]] static constexpr std::size_t rank(std::size_t in) { return in; }
};

}  // namespace lamina::adapter

/// How x·W + (x·A)·B is computed. All three give the same numbers up to rounding (design, 'Exact merged execution').
namespace lamina::execution {

/// x·W, x·A and (x·A)·B for every micro-batch: the reference semantics; cheapest for small ranks or few tokens per
/// step.
struct Factored {
    using answers = question::Execution;
    static constexpr bool once_per_step = false;
};

/// P = A·B once per optimiser step, then x·W + x·P: keeps W exact where W + P would round P away.
struct Split {
    using answers = question::Execution;
    static constexpr bool once_per_step = true;
};

/// W + A·B once per optimiser step, in the compute type, then one product per micro-batch.
struct Merged {
    using answers = question::Execution;
    static constexpr bool once_per_step = true;
};

}  // namespace lamina::execution
