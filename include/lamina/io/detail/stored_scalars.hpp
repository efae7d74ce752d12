// SPDX-License-Identifier: MIT
// Conversion between elements as a file stores them, at any address, and scalars in memory.
#pragma once

#include <lamina/core/bfloat16.hpp>
#include <lamina/core/float16.hpp>
#include <lamina/core/scalar_type.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>

namespace lamina::io::detail {

/// Floating-point types that a file may hold and that convert into each other.
template <class T>
concept StoredFloat = FloatingScalar<T> || std::same_as<T, fp16>;

template <StoredFloat To, StoredFloat From>
[[nodiscard]] constexpr To convert_scalar(From value) noexcept {
    if constexpr (std::same_as<To, From>) {
        return value;
    } else if constexpr (std::floating_point<To> && std::floating_point<From>) {
        return static_cast<To>(value);
    } else {
        return static_cast<To>(static_cast<float>(value));  // the 16-bit types know float only
    }
}

/// Calls `visit(From{})` with the C++ type of a stored floating-point type; false if `type` is none.
template <class Visitor>
constexpr bool with_stored_float(ScalarType type, Visitor visit) {
    switch (type) {
        case ScalarType::f64:
            visit(double{});
            return true;
        case ScalarType::f32:
            visit(float{});
            return true;
        case ScalarType::f16:
            visit(fp16{});
            return true;
        case ScalarType::bf16:
            visit(bf16{});
            return true;
        default:
            return false;
    }
}

/// Elements per step of a conversion: small enough for the stack and the first cache.
inline constexpr std::size_t conversion_block = 1024;

/// Overwrites `out` with the elements of type From that start at `bytes`, which need not be aligned.
template <StoredFloat From, StoredFloat To>
void convert_from_bytes(const std::byte* bytes, std::span<To> out) {
    if constexpr (std::same_as<From, To>) {
        if (!out.empty()) std::memcpy(out.data(), bytes, out.size_bytes());
    } else {
        std::array<From, conversion_block> block;
        for (std::size_t start = 0; start < out.size(); start += block.size()) {
            const std::size_t count = std::min(block.size(), out.size() - start);
            std::memcpy(block.data(), bytes + start * sizeof(From), count * sizeof(From));
            for (std::size_t i = 0; i < count; ++i) out[start + i] = convert_scalar<To>(block[i]);
        }
    }
}

/// Hands `values`, as elements of type To, to `write(std::span<const std::byte>)`, block by block.
template <StoredFloat To, StoredFloat From, class Write>
void convert_to_bytes(std::span<const From> values, Write write) {
    if constexpr (std::same_as<From, To>) {
        write(std::as_bytes(values));
    } else {
        std::array<To, 16 * conversion_block> block;
        for (std::size_t start = 0; start < values.size(); start += block.size()) {
            const std::size_t count = std::min(block.size(), values.size() - start);
            for (std::size_t i = 0; i < count; ++i) block[i] = convert_scalar<To>(values[start + i]);
            write(std::as_bytes(std::span(block).first(count)));
        }
    }
}

}  // namespace lamina::io::detail
