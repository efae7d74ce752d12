// SPDX-License-Identifier: MIT
// Adapter, target and execution policies: which low-rank factors linear layers carry, which of them do, and how the
// product is applied.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include <lamina/arch/policy.hpp>

namespace lamina::adapter {

/// y = x·W + b and nothing more.
struct None {
    using answers = question::Adapter;
    static constexpr bool present = false;
};

/// y = x·W + b + (Alpha / Rank) (x·A)·B with A [In, Rank] uniform in ±1/sqrt(Rank) and B [Rank, Out] zero
/// (docs/method.md, "Adapters").
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

namespace lamina {

/// The linear layers of a GPT-2 block, by the names of PEFT's `target_modules`.
enum class Target {
    c_attn,
    attn_c_proj,
    c_fc,
    mlp_c_proj,
};

inline constexpr std::size_t target_count = 4;

namespace detail {

template <Target... Ts>
consteval bool each_target_once() {
    std::array<std::size_t, target_count> times{};
    (++times[static_cast<std::size_t>(Ts)], ...);
    return sizeof...(Ts) != 0 && std::all_of(times.begin(), times.end(), [](std::size_t count) { return count <= 1; });
}

}  // namespace detail

}  // namespace lamina

/// Which linear layers get the adapter; the others are as with adapter::None.
namespace lamina::targets {

struct All {
    using answers = question::Targets;
    static constexpr bool each_target_once = true;
    static constexpr bool every_layer = true;
    [[nodiscard]] static constexpr bool includes(Target) { return true; }
};

/// These and no others: `Only<Target::c_attn, Target::mlp_c_proj>`, each once; `Policies` tells otherwise.
template <Target... Adapted>
struct Only {
    using answers = question::Targets;
    static constexpr bool each_target_once = detail::each_target_once<Adapted...>();
    static constexpr bool every_layer = sizeof...(Adapted) == target_count;
    [[nodiscard]] static constexpr bool includes(Target target) { return (false || ... || (target == Adapted)); }
};

using c_attn = Only<Target::c_attn>;
using attn_c_proj = Only<Target::attn_c_proj>;
using c_fc = Only<Target::c_fc>;
using mlp_c_proj = Only<Target::mlp_c_proj>;

}  // namespace lamina::targets

/// How x·W + (x·A)·B is computed. All three give the same numbers up to rounding (docs/design.md, "Merged execution").
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
