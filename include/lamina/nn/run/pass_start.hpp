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

/// Numbers that a layer and those within it measure in a pass, at most: `measured_numbers` of each that has one.
template <class L>
[[nodiscard]] consteval std::size_t measured_numbers_of() {
    const auto count = [](const auto& self, auto& node) -> std::size_t {
        using Node = std::remove_cvref_t<decltype(node)>;
        std::size_t sum = 0;
        if constexpr (detail::is_array_member<Node>) {
            if constexpr (std::tuple_size_v<Node> != 0) sum = std::tuple_size_v<Node> * self(self, node[0]);
        } else if constexpr (!ParameterMember<Node> && !DerivedMember<Node>) {
            if constexpr (requires { Node::measured_numbers; }) sum = Node::measured_numbers;
            node.visit([&](std::string_view, auto& member) { sum += self(self, member); });
        }
        return sum;
    };
    L layer{};
    return count(count, layer);
}

/// Calls `begin_pass` of every layer that has one.
template <class Layers>
void begin_pass_of_all(Layers& layers, PassStart& start) {
    walk_nodes(layers, [&](auto& node) {
        if constexpr (requires { node.begin_pass(start); }) node.begin_pass(start);
    });
}

/// Calls `end_pass` of every layer that has one, in the same order.
template <class Layers>
void end_pass_of_all(Layers& layers, std::span<const double> measured) {
    walk_nodes(layers, [&](auto& node) {
        if constexpr (requires { node.end_pass(measured); }) node.end_pass(measured);
    });
}

}  // namespace lamina
