// SPDX-License-Identifier: MIT
// Into, StreamGradient and Paths: where a layer's output goes, a gradient in two types, and what a layer reads where
// queries and keys may differ from values.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

#include <lamina/core/bfloat16.hpp>
#include <lamina/core/rows.hpp>

namespace lamina {

/// Where an output goes: y = what is computed, onto `base` where that is given. Empty where nobody wants it. `rounded`
/// is y once more, and given to layers alone that say `rounds_into`.
///
/// aliasing base may be y
template <class T, std::size_t C>
struct Into {
    using value_type = T;

    Rows<T, C> y{};
    Rows<const T, C> base{};
    Rows<bf16, C> rounded{};

    constexpr Into() = default;
    // NOLINTNEXTLINE(google-explicit-constructor)
    constexpr Into(const Rows<T, C>& only) : y(only) {}
    constexpr Into(const Rows<T, C>& where, const Rows<const T, C>& onto, const Rows<bf16, C>& once_more = {})
        : y(where), base(onto), rounded(once_more) {}

    [[nodiscard]] constexpr bool empty() const { return y.empty(); }
    /// `rounded`, which is empty where it is of another type.
    template <class Narrow>
    [[nodiscard]] constexpr Rows<Narrow, C> rounded_to() const {
        if constexpr (std::is_same_v<Narrow, bf16>) return rounded;
        return {};
    }
};

/// A gradient of the residual stream, and the same rounded, which is what branches in bf16 read: whoever writes the one
/// has the other at hand. Empty where nobody wants it.
template <class T, std::size_t C>
struct StreamGradient {
    Rows<T, C> d{};
    Rows<std::conditional_t<std::is_const_v<T>, const bf16, bf16>, C> rounded{};

    [[nodiscard]] constexpr StreamGradient<const T, C> read_only() const { return {d, rounded}; }
};

/// pre_activation = what is computed, y = gelu(pre_activation).
template <class T, std::size_t C>
struct IntoGelu {
    using value_type = T;

    Rows<T, C> pre_activation;
    Rows<T, C> y;
};

/// The gradient of what gelu was applied to, from that of its result.
template <class T, std::size_t C>
struct ThroughGelu {
    Rows<const T, C> pre_activation;
    Rows<T, C> d_pre_activation;

    [[nodiscard]] constexpr bool empty() const { return d_pre_activation.empty(); }
};

/// What attention reads, or its gradients: values may come from other rows than queries and keys. One view is both.
template <class T, std::size_t C>
struct Paths {
    Rows<T, C> keys{};  ///< and queries
    Rows<T, C> values{};

    constexpr Paths() = default;
    template <class U>
    requires std::convertible_to<Rows<U, C>, Rows<T, C>>
    // NOLINTNEXTLINE(google-explicit-constructor)
    constexpr Paths(const Rows<U, C>& both) : keys(both), values(both) {}
    constexpr Paths(const Rows<T, C>& for_keys, const Rows<T, C>& for_values) : keys(for_keys), values(for_values) {}
    template <class U>
    requires(!std::same_as<U, T> && std::convertible_to<Rows<U, C>, Rows<T, C>>)
        // NOLINTNEXTLINE(google-explicit-constructor)
        constexpr Paths(const Paths<U, C>& other)
        : keys(other.keys), values(other.values) {}

    /// Whether both are the same rows.
    [[nodiscard]] constexpr bool same() const { return keys.data == values.data; }
    [[nodiscard]] constexpr bool empty() const { return keys.empty(); }
};

}  // namespace lamina
