// SPDX-License-Identifier: MIT
// ScalarType: the element types of stored tensors as run-time values, their names and sizes, and the C++ types for
// them.
#pragma once

#include <lamina/core/bfloat16.hpp>
#include <lamina/core/float16.hpp>

#include <array>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace lamina {

/// The element type of a stored tensor: every one that a safetensors file can name.
///
/// The order is the format's own, from narrow to wide; writers sort by it (reference: safetensors, tensor.rs).
enum class ScalarType : std::uint8_t {
    boolean,
    f4,
    f6_e2m3,
    f6_e3m2,
    u8,
    i8,
    f8_e5m2,
    f8_e4m3,
    f8_e8m0,
    i16,
    u16,
    f16,
    bf16,
    i32,
    u32,
    f32,
    c64,
    f64,
    i64,
    u64,
};

namespace detail {

struct ScalarTypeFacts {
    std::string_view name;
    std::size_t bits;
};

/// Indexed by ScalarType.
inline constexpr std::array<ScalarTypeFacts, 20> scalar_type_facts{{
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},   {"I8", 8},    {"F8_E5M2", 8},
    {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16}, {"BF16", 16}, {"I32", 32},
    {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},    {"I64", 64}, {"U64", 64},
}};

}  // namespace detail

/// Size of one element in bits; below 8 for the sub-byte types.
[[nodiscard]] constexpr std::size_t bits_of(ScalarType type) noexcept {
    return detail::scalar_type_facts[static_cast<std::size_t>(type)].bits;
}

/// The name that safetensors files use, such as "F32".
[[nodiscard]] constexpr std::string_view name_of(ScalarType type) noexcept {
    return detail::scalar_type_facts[static_cast<std::size_t>(type)].name;
}

/// The type with this name, exactly as spelled in safetensors files; nothing if there is none.
[[nodiscard]] constexpr std::optional<ScalarType> parse_scalar_type(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::scalar_type_facts.size(); ++i) {
        if (detail::scalar_type_facts[i].name == name) return static_cast<ScalarType>(i);
    }
    return std::nullopt;
}

namespace detail {

template <class T>
constexpr std::optional<ScalarType> find_scalar_type() noexcept {
    if constexpr (std::same_as<T, bool>) return ScalarType::boolean;
    if constexpr (std::same_as<T, float>) return ScalarType::f32;
    if constexpr (std::same_as<T, double>) return ScalarType::f64;
    if constexpr (std::same_as<T, bf16>) return ScalarType::bf16;
    if constexpr (std::same_as<T, fp16>) return ScalarType::f16;
    if constexpr (std::same_as<T, std::complex<float>>) return ScalarType::c64;
    if constexpr (std::integral<T> && !std::same_as<T, bool>) {
        if constexpr (sizeof(T) == 1) return std::is_signed_v<T> ? ScalarType::i8 : ScalarType::u8;
        if constexpr (sizeof(T) == 2) return std::is_signed_v<T> ? ScalarType::i16 : ScalarType::u16;
        if constexpr (sizeof(T) == 4) return std::is_signed_v<T> ? ScalarType::i32 : ScalarType::u32;
        if constexpr (sizeof(T) == 8) return std::is_signed_v<T> ? ScalarType::i64 : ScalarType::u64;
    }
    return std::nullopt;
}

}  // namespace detail

/// A C++ type that holds the elements of some ScalarType: bool, the integers, float, double, bf16, fp16, complex float.
template <class T>
concept StorableScalar = detail::find_scalar_type<T>()
.has_value();

/// The ScalarType whose elements T holds.
template <StorableScalar T>
inline constexpr ScalarType scalar_type_of = *detail::find_scalar_type<T>();

/// A type that model tensors are stored in: float, double or bf16.
template <class T>
concept FloatingScalar = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, bf16>;

}  // namespace lamina
