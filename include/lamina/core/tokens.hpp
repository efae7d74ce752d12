// SPDX-License-Identifier: MIT
// Tokens: one row of `Width` features per token, the width static, the number of tokens not.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

#include <lamina/core/host_device.hpp>
#include <lamina/core/matrix_view.hpp>

namespace lamina {

/// How many sequences of how many tokens a pass works on.
struct Extent {
    std::size_t batch = 0;     ///< B, sequences
    std::size_t sequence = 0;  ///< T, tokens per sequence

    LAMINA_HOST_DEVICE [[nodiscard]] constexpr std::size_t tokens() const { return batch * sequence; }
    friend constexpr bool operator==(const Extent&, const Extent&) = default;
};

/// A view of [N, Width] scalars, rows contiguous. Owns nothing. An empty one stands for "not wanted".
template <class T, std::size_t Width>
class Tokens {
public:
    using value_type = std::remove_const_t<T>;
    static constexpr std::size_t width = Width;

    constexpr Tokens() = default;
    constexpr Tokens(T* data, std::size_t count) : data_(data), count_(count) {}

    // Reading through a view of writable scalars is always allowed. A template, so that it is never the copy
    // constructor.
    template <std::same_as<value_type> Writable>
    requires std::is_const_v<T>
    // NOLINTNEXTLINE(google-explicit-constructor)
    constexpr Tokens(const Tokens<Writable, Width>& other) : data_(other.data()), count_(other.count()) {}

    constexpr Tokens(const Tokens&) = default;
    constexpr Tokens& operator=(const Tokens&) = default;

    [[nodiscard]] constexpr T* data() const { return data_; }
    [[nodiscard]] constexpr std::size_t count() const { return count_; }
    [[nodiscard]] constexpr std::size_t size() const { return count_ * Width; }
    [[nodiscard]] constexpr bool empty() const { return data_ == nullptr; }
    [[nodiscard]] constexpr T* row(std::size_t token) const { return data_ + token * Width; }
    [[nodiscard]] constexpr MatrixView<T> matrix() const { return {data_, count_, Width}; }
    [[nodiscard]] constexpr Tokens first(std::size_t count) const { return {data_, count}; }

private:
    T* data_ = nullptr;
    std::size_t count_ = 0;
};

}  // namespace lamina
