// SPDX-License-Identifier: MIT
// Rows: the one view of numbers, a row-major matrix that somebody else owns, its columns known to the type or not.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

#include <lamina/core/expects.hpp>
#include <lamina/core/host_device.hpp>

namespace lamina {

/// The number of columns of a view that learns it at run time.
inline constexpr std::size_t dynamic = static_cast<std::size_t>(-1);

/// What views show whose scalars nobody reads or writes: layers that are run to be planned, not to compute, are given
/// such views (nn/run/paper.hpp).
template <class T>
inline T nowhere{};

namespace detail {

template <std::size_t Columns>
struct ColumnCount {
    static constexpr std::size_t cols = Columns;
    constexpr ColumnCount() = default;
    LAMINA_HOST_DEVICE constexpr explicit ColumnCount(std::size_t) {}
};
template <>
struct ColumnCount<dynamic> {
    std::size_t cols = 0;
    constexpr ColumnCount() = default;
    LAMINA_HOST_DEVICE constexpr explicit ColumnCount(std::size_t count) : cols(count) {}
};

}  // namespace detail

/// Whether views of so many columns can be the same matrix: what is not known is checked at run time.
template <std::size_t A, std::size_t B>
concept SameColumns = A == B || A == dynamic || B == dynamic;

/// A view of `rows` × `cols` scalars, element (r, c) at `data[r * stride + c]`. It owns nothing and is copied freely;
/// on a device `data` is a device pointer. A null pointer says "not wanted", or "not given".
///
/// columns  in the type wherever the caller knows them, as layers know the widths of their features; else at run time.
///          Forgetting them is implicit, since nothing can go wrong; claiming them is not, and is checked
/// vectors  one number per token is Rows<T, 1>; one per feature is a view of one row. A stride of 0 repeats one row,
///          which is how a vector is broadcast over tokens
template <class T, std::size_t Columns = dynamic>
struct Rows : detail::ColumnCount<Columns> {
    using value_type = std::remove_const_t<T>;
    using detail::ColumnCount<Columns>::cols;
    static constexpr std::size_t columns_of_type = Columns;

    T* data = nullptr;
    std::size_t rows = 0;
    std::size_t stride = Columns == dynamic ? 0 : Columns;

    constexpr Rows() = default;
    LAMINA_HOST_DEVICE constexpr Rows(T* first, std::size_t row_count) requires(Columns != dynamic)
        : data(first), rows(row_count) {}
    LAMINA_HOST_DEVICE constexpr Rows(T* first, std::size_t row_count,
                                      std::size_t col_count) requires(Columns == dynamic)
        : Rows(first, row_count, col_count, col_count) {}
    LAMINA_HOST_DEVICE constexpr Rows(T* first, std::size_t row_count, std::size_t col_count, std::size_t row_stride)
        : detail::ColumnCount<Columns>(col_count), data(first), rows(row_count), stride(row_stride) {}

    // Reading through a view of writable scalars is always allowed, and so is forgetting how wide they are. A template,
    // so that it is never the copy constructor.
    template <class Other, std::size_t Known>
    requires((std::same_as<Other, T> || std::same_as<const Other, T>)&&(Known == Columns || Columns == dynamic) &&
             !(std::same_as<Other, T> && Known == Columns))
        // NOLINTNEXTLINE(google-explicit-constructor)
        LAMINA_HOST_DEVICE constexpr Rows(const Rows<Other, Known>& other)
        : Rows(other.data, other.rows, other.cols, other.stride) {}

    /// The same view, its number of columns claimed to be known.
    template <class Other>
    requires((std::same_as<Other, T> || std::same_as<const Other, T>)&&Columns !=
             dynamic) constexpr explicit Rows(const Rows<Other, dynamic>& other)
        : Rows(other.data, other.rows, other.cols, other.stride) {
        LAMINA_EXPECTS(other.empty() || other.cols == Columns, "Rows: the view has another number of columns");
    }

    constexpr Rows(const Rows&) = default;
    constexpr Rows& operator=(const Rows&) = default;

    LAMINA_HOST_DEVICE [[nodiscard]] constexpr T& operator()(std::size_t row, std::size_t col) const {
        return data[row * stride + col];
    }
    /// Element `index` in memory: of a vector, or of a matrix without gaps, row after row.
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr T& operator[](std::size_t index) const { return data[index]; }
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr T* row(std::size_t index) const { return data + index * stride; }
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr std::size_t size() const { return rows * cols; }
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr bool empty() const { return data == nullptr; }
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr bool contiguous() const { return stride == cols || rows <= 1; }

    /// Forgets the width.
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr Rows<T> erased() const { return {data, rows, cols, stride}; }
    /// Nobody can write through the result.
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr Rows<const T, Columns> read_only() const { return *this; }

    /// Columns [First, First + Count).
    template <std::size_t First, std::size_t Count>
    [[nodiscard]] constexpr Rows<T, Count> columns() const requires(Columns == dynamic || First + Count <= Columns) {
        LAMINA_EXPECTS(First + Count <= cols, "Rows: columns() past the last column");
        return {moved(First), rows, Count, stride};
    }
    [[nodiscard]] constexpr Rows<T> columns(std::size_t first, std::size_t count) const {
        LAMINA_EXPECTS(first + count <= cols, "Rows: columns() past the last column");
        return {moved(first), rows, count, stride};
    }
    [[nodiscard]] constexpr Rows middle_rows(std::size_t first, std::size_t count) const {
        LAMINA_EXPECTS(first + count <= rows, "Rows: middle_rows() past the last row");
        return {moved(first * stride), count, cols, stride};
    }
    [[nodiscard]] constexpr Rows first_rows(std::size_t count) const { return middle_rows(0, count); }

private:
    [[nodiscard]] constexpr T* moved(std::size_t count) const {
        // A constant expression may not leave the one scalar that is nowhere.
        if (std::is_constant_evaluated() && data == &nowhere<value_type>) return data;
        return data + count;
    }
};

/// A matrix whose number of columns is known at run time only: what devices work on.
template <class T>
using MatrixView = Rows<T, dynamic>;

/// A vector of `count` scalars as a matrix of one row.
template <class T>
[[nodiscard]] constexpr MatrixView<T> row_view(T* data, std::size_t count) {
    return {data, 1, count};
}

/// One row repeated for each of `count` rows.
template <class T, std::size_t Columns>
[[nodiscard]] constexpr Rows<T, Columns> repeated(const Rows<T, Columns>& row, std::size_t count) {
    return {row.data, count, row.cols, 0};
}

namespace detail {

template <class View>
inline constexpr bool is_rows = false;
template <class T, std::size_t Columns>
inline constexpr bool is_rows<Rows<T, Columns>> = true;

}  // namespace detail

}  // namespace lamina
