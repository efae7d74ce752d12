// SPDX-License-Identifier: MIT
// MatrixView: a row-major matrix that somebody else owns, sizes known at run time.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

#include <lamina/core/expects.hpp>
#include <lamina/core/host_device.hpp>

namespace lamina {

/// A view of `rows` × `cols` scalars, element (r, c) at `data[r * stride + c]`. A stride of 0 repeats one row, which is
/// how a vector is broadcast over tokens. Views are copied freely and own nothing; on a device `data` is a device
/// pointer.
template <class T>
struct MatrixView {
    using value_type = std::remove_const_t<T>;

    T* data = nullptr;
    std::size_t rows = 0;
    std::size_t cols = 0;
    std::size_t stride = 0;

    constexpr MatrixView() = default;
    LAMINA_HOST_DEVICE constexpr MatrixView(T* first, std::size_t row_count, std::size_t col_count)
        : MatrixView(first, row_count, col_count, col_count) {}
    LAMINA_HOST_DEVICE constexpr MatrixView(T* first, std::size_t row_count, std::size_t col_count,
                                            std::size_t row_stride)
        : data(first), rows(row_count), cols(col_count), stride(row_stride) {}

    // Reading through a view of writable scalars is always allowed. A template, so that it is never the copy
    // constructor.
    template <std::same_as<value_type> Writable>
    requires std::is_const_v<T>
        // NOLINTNEXTLINE(google-explicit-constructor)
        LAMINA_HOST_DEVICE constexpr MatrixView(const MatrixView<Writable>& other)
        : MatrixView(other.data, other.rows, other.cols, other.stride) {}

    constexpr MatrixView(const MatrixView&) = default;
    constexpr MatrixView& operator=(const MatrixView&) = default;

    LAMINA_HOST_DEVICE [[nodiscard]] constexpr T& operator()(std::size_t row, std::size_t col) const {
        return data[row * stride + col];
    }
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr T* row(std::size_t index) const { return data + index * stride; }
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr std::size_t size() const { return rows * cols; }
    /// True for the view that stands for "not wanted".
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr bool empty() const { return data == nullptr; }
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr bool contiguous() const { return stride == cols || rows <= 1; }

    [[nodiscard]] constexpr MatrixView columns(std::size_t first, std::size_t count) const {
        LAMINA_EXPECTS(first + count <= cols, "MatrixView: columns() past the last column");
        return {data + first, rows, count, stride};
    }
    [[nodiscard]] constexpr MatrixView middle_rows(std::size_t first, std::size_t count) const {
        LAMINA_EXPECTS(first + count <= rows, "MatrixView: middle_rows() past the last row");
        return {data + first * stride, count, cols, stride};
    }
};

/// A vector of `count` scalars as a matrix of one row.
template <class T>
[[nodiscard]] constexpr MatrixView<T> row_view(T* data, std::size_t count) {
    return {data, 1, count};
}

/// A vector of `count` scalars repeated for each of `rows` rows.
template <class T>
[[nodiscard]] constexpr MatrixView<T> repeated_row(T* data, std::size_t rows, std::size_t count) {
    return {data, rows, count, 0};
}

}  // namespace lamina
