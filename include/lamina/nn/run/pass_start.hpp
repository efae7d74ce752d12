// SPDX-License-Identifier: MIT
// PassStart and take_means: how layers with state take part in passes whose work may be repeated without calling them.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>

#include <lamina/arch/visit.hpp>
#include <lamina/backend/contract.hpp>
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
struct IgnoresMean {
    template <class Compute>
    void operator()(const TokenMean<Compute>&) const {}
};
struct WantsMeans : LayerProperty {
    template <class Node>
    static constexpr bool of = requires(const Node& node, const Pass<SomeBackend>& pass) {
        node.for_each_mean(pass, IgnoresMean{});
    };
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

/// Takes the means over tokens that these layers want of their last forward pass, all at once.
template <class Compute, class B, class Layers>
void take_means(Pass<B>& pass, Layers& layers) {
    MeansOverTokens<Compute> wanted{.extent = pass.extent};
    for_each_node<detail::WantsMeans>(layers, [&](const auto& node) {
        node.for_each_mean(pass, [&](const TokenMean<Compute>& mean) {
            if (wanted.full()) {
                pass.run(wanted);
                wanted.count = 0;
            }
            wanted.add(mean);
        });
    });
    if (wanted.count != 0) pass.run(wanted);
}

/// Calls `end_pass` of every layer that has one, in the same order.
template <class Layers>
void end_pass_of_all(Layers& layers, std::span<const double> measured) {
    for_each_node<detail::EndsPass>(layers, [&](auto& node) { node.end_pass(measured); });
}

}  // namespace lamina
