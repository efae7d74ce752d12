// SPDX-License-Identifier: MIT
// What requests to a backend have in common: how they sum, and how they look at the shapes of their views.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

namespace lamina {

/// The scalar in which values stored as `T` are computed: double for double, float for everything else.
template <class T>
using ComputeOf = std::conditional_t<std::is_same_v<std::remove_const_t<T>, double>, double, float>;

enum class Transpose { no, yes };
enum class Write { overwrite, accumulate };

namespace detail {

template <class T, std::size_t C, class U, std::size_t D>
[[nodiscard]] constexpr bool same_shape(const Rows<T, C>& a, const Rows<U, D>& b) {
    return a.rows == b.rows && a.cols == b.cols;
}

/// Whether an optional operand is left out or has the shape of another.
template <class T, std::size_t C, class U, std::size_t D>
[[nodiscard]] constexpr bool absent_or_shaped_like(const Rows<T, C>& view, const Rows<U, D>& other) {
    return view.empty() || same_shape(view, other);
}

/// Whether a vector has a number for each of so many rows.
template <class T>
[[nodiscard]] constexpr bool one_per_row(const Rows<T, 1>& vector, std::size_t rows) {
    return vector.rows == rows && (rows <= 1 || vector.stride == 1);
}
template <class T>
[[nodiscard]] constexpr bool absent_or_one_per_row(const Rows<T, 1>& vector, std::size_t rows) {
    return vector.empty() || one_per_row(vector, rows);
}

/// Whether a vector has a number for each of so many columns.
template <class T, std::size_t C>
[[nodiscard]] constexpr bool one_per_column(const Rows<T, C>& vector, std::size_t cols) {
    return vector.rows == 1 && vector.cols == cols;
}
template <class T, std::size_t C>
[[nodiscard]] constexpr bool absent_or_one_per_column(const Rows<T, C>& vector, std::size_t cols) {
    return vector.empty() || one_per_column(vector, cols);
}

/// Bytes of the scalars that views show; none for what is not wanted.
template <class... T, std::size_t... C>
[[nodiscard]] constexpr double bytes_of(const Rows<T, C>&... views) {
    return (0.0 + ... + (views.empty() ? 0.0 : static_cast<double>(views.size()) * static_cast<double>(sizeof(T))));
}

/// Bytes of as many scalars of another type.
template <class As, class T, std::size_t C>
[[nodiscard]] constexpr double bytes_as(const Rows<T, C>& view) {
    return view.empty() ? 0.0 : static_cast<double>(view.size()) * static_cast<double>(sizeof(As));
}
/// What is accumulated onto is read as well.
template <class T, std::size_t C>
[[nodiscard]] constexpr double bytes_written(const Rows<T, C>& out, Write write) {
    return (write == Write::accumulate ? 2 : 1) * bytes_of(out);
}

/// Floating-point operations of a product, a multiply-add counting two.
[[nodiscard]] constexpr double product_flops(std::size_t m, std::size_t n, std::size_t k) {
    return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
}

}  // namespace detail

}  // namespace lamina
