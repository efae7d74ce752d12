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

/// A node of the tree with nothing below it.
template <class T>
concept LeafMember = ParameterMember<T> || DerivedMember<T>;

// What a walk looks for is a class with `template <class Node> static constexpr bool of`, so that what holds of a
// subtree is found once per type, and a walk compiles nothing for the parts of a tree that have nothing for it. One
// that is a LayerProperty is true of layers only, so that leaves are not even asked.

struct LayerProperty {};

struct AnyNode {
    template <class Node>
    static constexpr bool of = true;
};
struct AnyLayer {
    template <class Node>
    static constexpr bool of = !LeafMember<Node>;
};
struct AnyParameter {
    template <class Node>
    static constexpr bool of = ParameterMember<Node>;
};
struct AnyDerived {
    template <class Node>
    static constexpr bool of = DerivedMember<Node>;
};

namespace detail {

template <class Node>
constexpr bool trains() {
    if constexpr (ParameterMember<Node>) return Node::trains;
    return false;
}
struct AnyTrained {
    template <class Node>
    static constexpr bool of = trains<Node>();
};

template <class Node, class Wanted>
consteval bool contains_below();

}  // namespace detail

/// Whether a layer of type `Node`, or anything below it, is `Wanted`.
template <class Node, class Wanted>
inline constexpr bool contains = Wanted::template of<Node> || detail::contains_below<Node, Wanted>();
template <class Node, std::size_t Size, class Wanted>
inline constexpr bool contains<std::array<Node, Size>, Wanted> = Size != 0 && contains<Node, Wanted>;

namespace detail {

template <class Wanted>
struct Search {
    bool found = false;
    template <class Member>
    constexpr void operator()(std::string_view, Member&) {
        found = found || contains<Member, Wanted>;
    }
};

template <class Node, class Wanted>
consteval bool may_be_below() {
    if constexpr (LeafMember<Node>) {
        return false;
    } else if constexpr (std::is_base_of_v<LayerProperty, Wanted>) {
        return contains_below<Node, AnyLayer>();
    } else {
        return true;
    }
}

template <class Node, class Wanted>
consteval bool contains_below() {
    if constexpr (may_be_below<Node, Wanted>()) {
        Node node{};
        Search<Wanted> search;
        node.visit(search);
        return search.found;
    }
    return false;
}

template <class Wanted, class F>
struct NodeWalk {
    const F& f;

    template <class Node>
    [[gnu::cold]] constexpr void operator()(std::string_view, Node& node) const {
        if constexpr (!contains<Node, Wanted>) {
            return;
        } else if constexpr (is_array_member<Node>) {
            for (auto& member : node) (*this)({}, member);
        } else {
            if constexpr (Wanted::template of<Node>) f(node);
            if constexpr (contains_below<Node, Wanted>()) node.visit(*this);
        }
    }
};

template <class Wanted, class F>
struct NamedWalk {
    const F& f;
    const std::string& path;

    template <class Node>
    [[gnu::cold]] void operator()(std::string_view name, Node& node) const {
        if constexpr (!contains<Node, Wanted>) {
            return;
        } else if constexpr (is_array_member<Node>) {
            const std::string array = join_names(path, name);
            for (std::size_t i = 0; i < node.size(); ++i) NamedWalk{f, array}(std::to_string(i), node[i]);
        } else {
            const std::string own = join_names(path, name);
            if constexpr (Wanted::template of<Node>) f(own, node);
            if constexpr (contains_below<Node, Wanted>()) node.visit(NamedWalk{f, own});
        }
    }
};

template <class Count>
struct Addition {
    std::size_t sum = 0;
    template <class Member>
    constexpr void operator()(std::string_view, Member&);
};

template <class Node, class Count>
consteval std::size_t sum_below() {
    if constexpr (!LeafMember<Node>) {
        Node node{};
        Addition<Count> addition;
        node.visit(addition);
        return addition.sum;
    }
    return 0;
}

}  // namespace detail

/// The sum of `Count::template of<…>` of a layer of type `Node` and everything below it.
template <class Node, class Count>
inline constexpr std::size_t sum_over = Count::template of<Node> + detail::sum_below<Node, Count>();
template <class Node, std::size_t Size, class Count>
inline constexpr std::size_t sum_over<std::array<Node, Size>, Count> = Size == 0 ? 0 : Size* sum_over<Node, Count>;

template <class Count>
template <class Member>
constexpr void detail::Addition<Count>::operator()(std::string_view, Member&) {
    sum += sum_over<Member, Count>;
}

/// Calls `f(node)` for `root` and everything below it that is `Wanted`, depth first, in the order in which `visit`
/// shows it.
template <class Wanted, class Node, class F>
constexpr void for_each_node(Node& root, const F& f) {
    detail::NodeWalk<Wanted, F>{f}({}, root);
}

/// Calls `f(path, node)` for them. A layer names its members; "" makes a member transparent, an array of layers is
/// named by index: "h.0", "h.1", … The root is `path`.
///
/// cost     marked cold: a walk with names runs at most a few times per run, and optimising it for speed only makes
///          compiling slow
template <class Wanted, class Node, class F>
void for_each_named_node(Node& root, const F& f, const std::string& path = {}) {
    detail::NamedWalk<Wanted, F>{f, path}({}, root);
}

/// Calls `f(path, parameter)` for every parameter, each with its own static type. What needs no more of a parameter
/// than a row of the manifest and a view is better served by `for_each_tensor` of a model, which instantiates far less.
template <class Node, class F>
void for_each_parameter(Node& root, const F& f) {
    for_each_named_node<AnyParameter>(root, f);
}

/// True when some parameter of a layer of type `L` trains: a constant, so that a backward pass can stop above frozen
/// layers.
template <class L>
[[nodiscard]] consteval bool has_trainable() {
    return contains<L, detail::AnyTrained>;
}

}  // namespace lamina
