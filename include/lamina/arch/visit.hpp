// SPDX-License-Identifier: MIT
// Walking over a layer tree: every parameter, derived tensor and node, each with its dotted name, in one fixed order.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lamina {

/// A member that a layer shows in `visit` and that is a stored tensor.
template <class T>
concept ParameterMember = requires(T member) {
    typename T::Scalar;
    T::role;
    T::part;
    T::shape;
    member.values;
    member.gradient;
};

/// A member that a layer shows in `visit` and that is recomputed, not stored.
template <class T>
concept DerivedMember = requires(T member) {
    typename T::Scalar;
    T::kind;
    T::size;
    member.values;
};

/// A layer that keeps no gradients of its adapter: `form_adapter_gradients(backend)` overwrites a place that it shares
/// with the other layers of this kind.
template <class T>
concept StreamsAdapterGradients = requires {
    requires T::streams_adapter_gradients;
};

namespace detail {

template <class T>
inline constexpr bool is_array_member = false;
template <class T, std::size_t Size>
inline constexpr bool is_array_member<std::array<T, Size>> = true;

inline std::string join_names(const std::string& prefix, std::string_view name) {
    if (name.empty()) return prefix;
    return prefix.empty() ? std::string(name) : prefix + '.' + std::string(name);
}

}  // namespace detail

/// Calls `f(path, node)` for `root` and then for everything below it, depth first, in the order in which `visit` shows
/// it. A layer names its members; "" makes a member transparent, an array of layers is named by index: "h.0", "h.1", …
///
/// cost     marked cold: a walk runs at most a few times per step, and optimising it for speed only makes compiling
///          slow
template <class Node, class F>
[[gnu::cold]] void walk(Node& root, const F& f, const std::string& path = {}) {
    if constexpr (detail::is_array_member<Node>) {
        for (std::size_t i = 0; i < root.size(); ++i) walk(root[i], f, detail::join_names(path, std::to_string(i)));
    } else {
        f(path, root);
        if constexpr (!ParameterMember<Node> && !DerivedMember<Node>) {
            root.visit([&](std::string_view name, auto& member) { walk(member, f, detail::join_names(path, name)); });
        }
    }
}

/// Calls `f(node)` for `root` and everything below it in the order of `walk`, without names and without allocating.
template <class Node, class F>
constexpr void walk_nodes(Node& root, const F& f) {
    if constexpr (detail::is_array_member<Node>) {
        for (auto& member : root) walk_nodes(member, f);
    } else {
        f(root);
        if constexpr (!ParameterMember<Node> && !DerivedMember<Node>) {
            root.visit([&](std::string_view, auto& member) { walk_nodes(member, f); });
        }
    }
}

/// Calls `f(path, parameter)` for every parameter, each with its own static type. What needs no more of a parameter
/// than a row of the manifest and a view is better served by `for_each_tensor` of a model, which instantiates far less.
template <class Node, class F>
void for_each_parameter(Node& root, const F& f) {
    walk(root, [&](const std::string& path, auto& node) {
        if constexpr (ParameterMember<std::remove_cvref_t<decltype(node)>>) f(path, node);
    });
}

/// Calls `f(node)` for every derived tensor, in the order of the walk.
template <class Node, class F>
void for_each_derived(Node& root, const F& f) {
    walk_nodes(root, [&](auto& node) {
        if constexpr (DerivedMember<std::remove_cvref_t<decltype(node)>>) f(node);
    });
}

/// True when `asks(node)` is, for a layer of type `Root` or anything below it: a constant, for questions to types.
template <class Root, class Asks>
[[nodiscard]] consteval bool any_node(const Asks& asks) {
    bool found = false;
    const auto look = [&](const auto& self, auto& node) -> void {
        using Node = std::remove_cvref_t<decltype(node)>;
        if constexpr (detail::is_array_member<Node>) {
            if constexpr (std::tuple_size_v<Node> != 0) self(self, node[0]);
        } else {
            found = found || asks(node);
            if constexpr (!ParameterMember<Node> && !DerivedMember<Node>) {
                node.visit([&](std::string_view, auto& member) { self(self, member); });
            }
        }
    };
    Root root{};
    look(look, root);
    return found;
}

/// True when some parameter of a layer of type `L` trains: a constant, so that a backward pass can stop above frozen
/// layers.
template <class L>
[[nodiscard]] consteval bool has_trainable() {
    bool found = false;
    const auto look = [&](const auto& self, auto& node) -> void {
        using Node = std::remove_cvref_t<decltype(node)>;
        if constexpr (ParameterMember<Node>) {
            found = found || Node::trains;
        } else if constexpr (detail::is_array_member<Node>) {
            if constexpr (std::tuple_size_v<Node> != 0) self(self, node[0]);
        } else if constexpr (!DerivedMember<Node>) {
            node.visit([&](std::string_view, auto& member) { self(self, member); });
        }
    };
    L layer{};
    look(look, layer);
    return found;
}

}  // namespace lamina
