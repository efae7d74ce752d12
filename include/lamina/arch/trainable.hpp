// SPDX-License-Identifier: MIT
// Trainable, recompute, gradients, device and head policies: the questions with a yes-or-no kind of answer.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include <lamina/arch/policy.hpp>
#include <lamina/arch/role.hpp>

namespace lamina::detail {

template <Role... Rs>
consteval bool each_role_once() {
    std::array<std::size_t, role_count> times{};
    (++times[index_of(Rs)], ...);
    return sizeof...(Rs) != 0 && std::all_of(times.begin(), times.end(), [](std::size_t count) { return count <= 1; });
}

}  // namespace lamina::detail

/// Which roles receive gradients and updates. Nothing is computed or stored for the others.
namespace lamina::trainable {

struct Everything {
    using answers = question::Trainable;
    [[nodiscard]] static constexpr bool trains(Role) { return true; }
};

/// These roles and no others: `Roles<Role::adapter, Role::norm>`, each once; `Policies` tells otherwise.
template <Role... Trained>
struct Roles {
    static constexpr bool each_role_once = detail::each_role_once<Trained...>();
    using answers = question::Trainable;
    [[nodiscard]] static constexpr bool trains(Role role) { return (false || ... || (role == Trained)); }
};

/// Nothing trains: for evaluation, where no memory for gradients is wanted.
struct Nothing {
    using answers = question::Trainable;
    [[nodiscard]] static constexpr bool trains(Role) { return false; }
};

}  // namespace lamina::trainable

/// Whether a block's activations are kept until backward or computed again from its input.
namespace lamina::recompute {

struct None {
    using answers = question::Recompute;
    static constexpr bool per_block = false;
};

/// Gradient checkpointing: one extra forward of each block, activations of one block in memory. Gradients are the same
/// bits.
struct PerBlock {
    using answers = question::Recompute;
    static constexpr bool per_block = true;
};

}  // namespace lamina::recompute

/// Whether the gradients of adapters are there all at once. Parameters of other roles have theirs stored either way.
namespace lamina::gradients {

struct Stored {
    using answers = question::Gradients;
    static constexpr bool streamed = false;
};

/// Those of one linear layer at a time, formed whenever a model's trained tensors are visited, from what an execution
/// that works once per step has summed: memory for the largest layer's instead of all, at 4·In·R·Out operations per
/// layer and visit. The same bits, unless an adapter's scale is no power of two: that rounds elsewhere.
struct Streamed {
    using answers = question::Gradients;
    static constexpr bool streamed = true;
};

}  // namespace lamina::gradients

/// Where a model lives. The backend behind a device is found through BackendOf.
namespace lamina::device {

struct Cpu {
    using answers = question::Device;
};

struct Cuda {
    using answers = question::Device;
};

}  // namespace lamina::device

/// What turns the last hidden state into logits.
namespace lamina::head {

/// The token embedding, transposed: GPT-2's own.
struct Tied {
    using answers = question::Head;
    static constexpr bool own_weight = false;
    static constexpr bool own_bias = false;
};

/// A weight of its own, `lm_head.weight` [V, C].
struct Untied {
    using answers = question::Head;
    static constexpr bool own_weight = true;
    static constexpr bool own_bias = false;
};

/// A weight and a bias of its own, `lm_head.bias` [V]: what folding the last norm needs.
struct UntiedWithBias {
    using answers = question::Head;
    static constexpr bool own_weight = true;
    static constexpr bool own_bias = true;
};

}  // namespace lamina::head
