// SPDX-License-Identifier: MIT
// The CPU's sums: over rows, over tokens, and of squares.
#pragma once

#include <algorithm>
#include <cstddef>
#include <tuple>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/elementwise.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cpu {

namespace detail {

/// out[c] (+)= the sum over rows of what term(block, row, first, count) leaves in block for the columns from `first`
/// on.
///
/// Strips of columns are summed from the first row to the last, in groups of rows that are added up first: the
/// result depends neither on the number of threads nor, to first order, on the number of rows.
template <class Out, class Term>
void sum_over_rows(Context& context, Out* out, std::size_t rows, std::size_t cols, Write write, const Term& term) {
    using Compute = ComputeOf<Out>;
    constexpr std::size_t strip = 128;
    constexpr std::size_t group = 64;
    context.for_each_column_strip(cols, strip, rows, [&](std::size_t first, std::size_t last) {
        const std::size_t count = last - first;
        Compute total[strip] = {};
        for (std::size_t group_first = 0; group_first < rows; group_first += group) {
            Compute partial[strip] = {};
            Block<Compute> terms;
            for (std::size_t row = group_first; row < std::min(rows, group_first + group); ++row) {
                term(terms, row, first, count);
                for (std::size_t c = 0; c < count; ++c) partial[c] += terms.values[c];
            }
            for (std::size_t c = 0; c < count; ++c) total[c] += partial[c];
        }
        for (std::size_t c = 0; c < count; ++c) {
            const Compute before = write == Write::accumulate ? rounded<Compute>(out[first + c]) : Compute(0);
            out[first + c] = rounded<Out>(before + total[c]);
        }
    });
}

}  // namespace detail

template <class Out, class F, class... In>
void execute(Context& context, const SumRows<Out, F, In...>& request) {
    const auto sum = [&](const MatrixView<const In>&... in) {
        detail::sum_over_rows(context, request.out.data, std::get<0>(request.in).rows, request.out.cols, request.write,
                              [&](Block<ComputeOf<Out>>& terms, std::size_t row, std::size_t first, std::size_t count) {
                                  apply(terms, count, request.f, (in.row(row) + first)...);
                              });
    };
    std::apply(sum, request.in);
}

template <class Compute>
void execute(Context& context, const MeansOverTokens<Compute>& request) {
    const auto [batch, sequence] = request.extent;
    context.for_each_row(request.count, request.extent.tokens(),
                         [&, batch = batch, sequence = sequence](std::size_t i, std::size_t) {
                             const TokenMean<Compute>& wanted = request.means[i];
                             const std::size_t first = wanted.positions == Positions::after_first ? 1 : 0;
                             const std::size_t last = wanted.positions == Positions::first ? 1 : sequence;
                             wanted.mean[0] = 0;
                             if (batch * sequence == 0 || first == last) return;
                             double sum = 0;
                             for (std::size_t b = 0; b < batch; ++b) {
                                 for (std::size_t t = first; t < last; ++t)
                                     sum += static_cast<double>(wanted.values[b * sequence + t]);
                             }
                             wanted.mean[0] = sum / static_cast<double>(batch * (last - first));
                         });
}

template <class T>
[[nodiscard]] double execute(Context& context, const SumOfSquares<T>& request) {
    MatrixView<const T> view = request.of;
    constexpr std::size_t chunk = 64 * block_size;
    if (view.contiguous()) view = row_view(view.data, view.size());
    const std::size_t chunks_per_row = (view.cols + chunk - 1) / chunk;
    const auto [partial] = context.shared.template arrays<double>(view.rows * chunks_per_row);
    context.team.parallel_for(
        view.rows * chunks_per_row, 1, [&, sums = partial](std::size_t begin, std::size_t end, std::size_t) {
            for (std::size_t index = begin; index < end; ++index) {
                const std::size_t first = index % chunks_per_row * chunk;
                const T* const values = view.row(index / chunks_per_row) + first;
                sums[index] = sum_run<double>(
                    std::min(chunk, view.cols - first), [](double value) { return value * value; }, values);
            }
        });
    double sum = 0;
    for (std::size_t index = 0; index < view.rows * chunks_per_row; ++index) sum += partial[index];
    return sum;
}

}  // namespace lamina::cpu
