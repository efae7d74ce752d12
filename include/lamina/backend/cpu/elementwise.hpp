// SPDX-License-Identifier: MIT
// The CPU's operations on one element at a time: fill, convert, map, and copies of chosen rows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <tuple>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

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

}  // namespace detail

template <class Out, class F, class... In>
void execute(Context& context, const Map<Out, F, In...>& request) {
    using Compute = ComputeOf<Out>;
    const auto map = [&](MatrixView<Out> out, MatrixView<const In>... in) {
        // Matrices without gaps are one long row, so that narrow ones do not end in a remainder on every row.
        if (out.contiguous() && ((in.stride == in.cols || in.rows <= 1) && ...)) {
            out = row_view(out.data, out.size());
            ((in = row_view(in.data, in.size())), ...);
        }
        detail::for_each_run(context, out.rows, out.cols, [&](std::size_t row, std::size_t first, std::size_t count) {
            map_run<Compute>(out.row(row) + first, count, request.f, (in.row(row) + first)...);
        });
    };
    std::apply([&](const auto&... in) { map(request.out, in...); }, request.in);
}

template <class Out, class In>
void execute(Context& context, const Convert<Out, In>& request) {
    MatrixView<Out> out = request.out;
    MatrixView<const In> in = request.in;
    if (out.contiguous() && in.contiguous()) {
        out = row_view(out.data, out.size());
        in = row_view(in.data, in.size());
    }
    detail::for_each_run(context, out.rows, out.cols, [&](std::size_t row, std::size_t first, std::size_t count) {
        convert_run(in.row(row) + first, out.row(row) + first, count);
    });
}

template <class Out>
void execute(Context& context, const Fill<Out>& request) {
    MatrixView<Out> out = request.out;
    const Out stored = rounded<Out>(request.value);
    if (out.contiguous()) out = row_view(out.data, out.size());
    detail::for_each_run(context, out.rows, out.cols, [&](std::size_t row, std::size_t first, std::size_t count) {
        std::fill_n(out.row(row) + first, count, stored);
    });
}

template <class Out, class In>
void execute(Context& context, const GatherRows<Out, In>& request) {
    const MatrixView<Out> out = request.out;
    const MatrixView<const In> in = request.in;
    const std::size_t* const rows = request.rows.data;
    context.for_each_row(out.rows, out.cols, [&](std::size_t row, std::size_t) {
        LAMINA_EXPECTS(rows[row] < in.rows, "GatherRows: a row that the input does not have");
        convert_run(in.row(rows[row]), out.row(row), out.cols);
    });
}

template <class Out, class In>
void execute(Context& context, const ScatterRows<Out, In>& request) {
    const MatrixView<Out> out = request.out;
    const MatrixView<const In> in = request.in;
    const std::size_t* const rows = request.rows.data;
    context.for_each_row(in.rows, in.cols, [&](std::size_t row, std::size_t) {
        LAMINA_EXPECTS(rows[row] < out.rows, "ScatterRows: a row that the output does not have");
        convert_run(in.row(row), out.row(rows[row]), in.cols);
    });
}

}  // namespace lamina::cpu
