// SPDX-License-Identifier: MIT
// PassStart: how layers with state take part in passes whose work a backend may repeat without calling them.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>

#include <lamina/arch/visit.hpp>
#include <lamina/nn/run/pass.hpp>
#include <lamina/nn/run/replay_key.hpp>

namespace lamina {

/// Where a layer decides, on the host and before any work is queued, what it will do in a pass.
struct PassStart {
    Phase phase;
    ReplayKey& key;
    std::size_t measured = 0;      ///< numbers of `Pass::measured` that have an owner
    bool end_of_text_told = true;  ///< whether somebody said what `Pass::end_of_text` is

    /// Takes the next numbers of `Pass::measured`, and says which is the first.
    [[nodiscard]] std::size_t reserve(std::size_t count) {
        const std::size_t first = measured;
        measured += count;
        return first;
    }
};

namespace detail {

template <class Node>
constexpr std::size_t numbers_measured_by() {
    if constexpr (requires { Node::measured_numbers; }) return Node::measured_numbers;
    return 0;
}
struct MeasuredNumbers {
    template <class Node>
    static constexpr std::size_t of = numbers_measured_by<Node>();
};
struct BeginsPass : LayerProperty {
    template <class Node>
    static constexpr bool of = requires(Node& node, PassStart& start) {
        node.begin_pass(start);
    };
};
struct EndsPass : LayerProperty {
    template <class Node>
    static constexpr bool of = requires(Node& node, std::span<const double> measured) {
        node.end_pass(measured);
    };
};

}  // namespace detail

/// Numbers that a layer and those within it measure in a pass, at most: `measured_numbers` of each that has one.
template <class L>
[[nodiscard]] consteval std::size_t measured_numbers_of() {
    return sum_over<L, detail::MeasuredNumbers>;
}

/// Calls `begin_pass` of every layer that has one.
template <class Layers>
void begin_pass_of_all(Layers& layers, PassStart& start) {
    for_each_node<detail::BeginsPass>(layers, [&](auto& node) { node.begin_pass(start); });
}

/// Calls `end_pass` of every layer that has one, in the same order.
template <class Layers>
void end_pass_of_all(Layers& layers, std::span<const double> measured) {
    for_each_node<detail::EndsPass>(layers, [&](auto& node) { node.end_pass(measured); });
}

}  // namespace lamina
