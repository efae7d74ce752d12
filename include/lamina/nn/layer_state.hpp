// SPDX-License-Identifier: MIT
// HasState: what a layer keeps from pass to pass besides its parameters, shown field by field to files and snapshots.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <lamina/arch/visit.hpp>
#include <lamina/core/expects.hpp>

namespace lamina {

/// What a field of a state may hold, for whoever reads one from a file.
struct FieldRule {
    bool (*accepts)(double) = [](double) { return true; };
    std::string_view expected{};                ///< in words, for errors: "a number above 0"
    std::span<const std::string_view> words{};  ///< of an enumeration, in the order of its enumerators
};

inline constexpr FieldRule any_value{};
inline constexpr FieldRule above_zero{.accepts = [](double value) { return value > 0; },
                                      .expected = "a number above 0"};
inline constexpr FieldRule from_zero_to_one{.accepts = [](double value) { return value >= 0 && value <= 1; },
                                            .expected = "a number from 0 to 1"};

/// A layer whose `visit_state(v)` calls v(name, field, rule) for everything that outlives a pass and is no parameter.
/// A field is a bool, a std::size_t, a double or an enumeration, and may be written.
template <class L>
concept HasState = requires(L& layer) {
    layer.visit_state([](std::string_view, auto&, const FieldRule&) {});
};

namespace detail {

struct AnyState : LayerProperty {
    template <class Node>
    static constexpr bool of = HasState<Node>;
};

/// Calls `f(&field, sizeof field)`, in the order of the walk.
template <class Layers, class F>
void for_each_state_field(Layers& layers, const F& f) {
    for_each_node<AnyState>(layers, [&](auto& node) {
        node.visit_state([&](std::string_view, auto& field, const FieldRule&) { f(&field, sizeof field); });
    });
}

}  // namespace detail

/// Calls `f(path, layer)` for every layer with a state, in the order of the walk.
template <class Layers, class F>
void for_each_state(Layers& layers, const F& f) {
    for_each_named_node<detail::AnyState>(layers, f);
}

/// Every field of every state, one after another, for `set_states`.
template <class Layers>
[[nodiscard]] std::vector<std::byte> copy_of_states(Layers& layers) {
    std::vector<std::byte> bytes;
    detail::for_each_state_field(layers, [&](const void* field, std::size_t size) {
        const auto* const first = static_cast<const std::byte*>(field);
        bytes.insert(bytes.end(), first, first + size);
    });
    return bytes;
}

/// Sets the states of these layers, or of others whose states have the same fields, to a copy.
template <class Layers>
void set_states(Layers& layers, std::span<const std::byte> copy) {
    detail::for_each_state_field(layers, [&](void* field, std::size_t size) {
        LAMINA_EXPECTS(size <= copy.size(), "set_states: a copy of fewer fields than the layers have");
        std::memcpy(field, copy.data(), size);
        copy = copy.subspan(size);
    });
}

}  // namespace lamina
