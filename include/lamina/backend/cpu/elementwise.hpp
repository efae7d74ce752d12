// SPDX-License-Identifier: MIT
// The CPU's operations on one element at a time: fill, convert, map, and copies of chosen rows.
#pragma once

#include <algorithm>
#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/matrix_view.hpp>

namespace lamina::cpu {

namespace detail {

/// body(row, first, count) for runs of columns that together cover a matrix.
template <class Body>
void for_each_run(Context& context, std::size_t rows, std::size_t cols, const Body& body) {
    constexpr std::size_t longest = 16 * block_size;
    const std::size_t runs = (cols + longest - 1) / longest;
    context.for_each_row(rows * runs, std::min(longest, cols), [&](std::size_t index, std::size_t) {
        const std::size_t first = index % runs * longest;
        body(index / runs, first, std::min(longest, cols - first));
    });
}

template <class T, class U>
[[nodiscard]] bool same_shape(const MatrixView<T>& a, const MatrixView<U>& b) {
    return a.rows == b.rows && a.cols == b.cols;
}

}  // namespace detail

template <class Out, class F, class... In>
void map(Context& context, MatrixView<Out> out, const F& f, MatrixView<In>... in) {
    LAMINA_EXPECTS((detail::same_shape(out, in) && ...), "CpuBackend: map: operands of different shapes");
    using Compute = ComputeOf<Out>;
    // Matrices without gaps are one long row, so that narrow ones do not end in a remainder on every row.
    if (out.contiguous() && ((in.stride == in.cols || in.rows <= 1) && ...)) {
        out = row_view(out.data, out.size());
        ((in = row_view(in.data, in.size())), ...);
    }
    detail::for_each_run(context, out.rows, out.cols, [&](std::size_t row, std::size_t first, std::size_t count) {
        map_run<Compute>(out.row(row) + first, count, f, (in.row(row) + first)...);
    });
}

template <class Out, class In>
void convert(Context& context, MatrixView<Out> out, MatrixView<In> in) {
    LAMINA_EXPECTS(detail::same_shape(out, in), "CpuBackend: convert: operands of different shapes");
    if (out.contiguous() && in.contiguous()) {
        out = row_view(out.data, out.size());
        in = row_view(in.data, in.size());
    }
    detail::for_each_run(context, out.rows, out.cols, [&](std::size_t row, std::size_t first, std::size_t count) {
        convert_run(in.row(row) + first, out.row(row) + first, count);
    });
}

template <class Out, class Value>
void fill(Context& context, MatrixView<Out> out, Value value) {
    const Out stored = rounded<Out>(value);
    if (out.contiguous()) out = row_view(out.data, out.size());
    detail::for_each_run(context, out.rows, out.cols, [&](std::size_t row, std::size_t first, std::size_t count) {
        std::fill_n(out.row(row) + first, count, stored);
    });
}

template <class Out, class In>
void gather_rows(Context& context, MatrixView<Out> out, MatrixView<In> in, const std::size_t* rows) {
    LAMINA_EXPECTS(out.cols == in.cols, "CpuBackend: gather_rows: operands of different widths");
    context.for_each_row(out.rows, out.cols, [&](std::size_t row, std::size_t) {
        LAMINA_EXPECTS(rows[row] < in.rows, "CpuBackend: gather_rows: a row that the input does not have");
        convert_run(in.row(rows[row]), out.row(row), out.cols);
    });
}

template <class Out, class In>
void scatter_rows(Context& context, MatrixView<Out> out, MatrixView<In> in, const std::size_t* rows) {
    LAMINA_EXPECTS(out.cols == in.cols, "CpuBackend: scatter_rows: operands of different widths");
    context.for_each_row(in.rows, in.cols, [&](std::size_t row, std::size_t) {
        LAMINA_EXPECTS(rows[row] < out.rows, "CpuBackend: scatter_rows: a row that the output does not have");
        convert_run(in.row(row), out.row(rows[row]), in.cols);
    });
}

}  // namespace lamina::cpu
