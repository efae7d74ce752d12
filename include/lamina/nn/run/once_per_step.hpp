// SPDX-License-Identifier: MIT
// What layers do once per optimiser step, not per micro-batch: what they materialise, and the chain rule through it.
#pragma once

#include <lamina/arch/visit.hpp>

namespace lamina {

namespace detail {

template <class B>
struct Materialises : LayerProperty {
    template <class Node>
    static constexpr bool of = requires(Node& node, B& backend) {
        node.materialise(backend);
    };
};
template <class B>
struct CompletesGradients : LayerProperty {
    template <class Node>
    static constexpr bool of = requires(Node& node, B& backend) {
        node.complete_gradients(backend);
    };
};
struct AnyStreaming : LayerProperty {
    template <class Node>
    static constexpr bool of = StreamsAdapterGradients<Node>;
};

}  // namespace detail

/// Makes what layers materialise from their parameters.
template <class Layers, class B>
constexpr void materialise_all(Layers& layers, B& backend) {
    for_each_node<detail::Materialises<B>>(layers, [&](auto& node) { node.materialise(backend); });
}

/// Turns the gradients of what was materialised into those of parameters.
template <class Layers, class B>
constexpr void complete_all_gradients(Layers& layers, B& backend) {
    for_each_node<detail::CompletesGradients<B>>(layers, [&](auto& node) { node.complete_gradients(backend); });
}

/// Calls `f(node)` for every layer that streams the gradients of its adapter.
template <class Layers, class F>
constexpr void for_each_streaming(Layers& layers, const F& f) {
    for_each_node<detail::AnyStreaming>(layers, f);
}

}  // namespace lamina
