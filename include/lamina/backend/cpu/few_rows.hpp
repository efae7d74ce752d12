// SPDX-License-Identifier: MIT
// Matrix products with a handful of rows, as in generation: every weight is read once, as it is stored.
#pragma once

#include <algorithm>
#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/tiling.hpp>

namespace lamina::cpu {

struct FewRows {
    /// Up to so many rows the time goes into reading weights, and packing them for an engine would double it.
    static constexpr std::size_t most = 4;
    /// Output columns of one task.
    static constexpr std::size_t strip = 128;
};

namespace detail {

/// sum[c] += Σ_k lhs[k] · rhs[k, first + c], the right operand as it is stored.
template <class Compute, class Rhs>
void add_row_times_matrix(Compute* sum, const Compute* lhs, const MatrixView<const Rhs>& rhs, std::size_t first,
                          std::size_t count) {
    std::size_t k = 0;
    for (; k + 4 <= rhs.rows; k += 4) {
        const Rhs* const __restrict w0 = rhs.row(k) + first;
        const Rhs* const __restrict w1 = rhs.row(k + 1) + first;
        const Rhs* const __restrict w2 = rhs.row(k + 2) + first;
        const Rhs* const __restrict w3 = rhs.row(k + 3) + first;
        for (std::size_t c = 0; c < count; ++c) {
            sum[c] += (lhs[k] * rounded<Compute>(w0[c]) + lhs[k + 1] * rounded<Compute>(w1[c])) +
                      (lhs[k + 2] * rounded<Compute>(w2[c]) + lhs[k + 3] * rounded<Compute>(w3[c]));
        }
    }
    for (; k < rhs.rows; ++k) {
        const Rhs* const w = rhs.row(k) + first;
        for (std::size_t c = 0; c < count; ++c) sum[c] += lhs[k] * rounded<Compute>(w[c]);
    }
}

/// lhs · row, in 32 interleaved sums, so that it vectorises.
template <class Compute, class Rhs>
[[nodiscard]] Compute dot(const Compute* lhs, const Rhs* row, std::size_t count) {
    constexpr std::size_t lanes = 32;
    Compute sums[lanes] = {};
    std::size_t k = 0;
    for (; k + lanes <= count; k += lanes) {
        for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += lhs[k + lane] * rounded<Compute>(row[k + lane]);
    }
    for (; k < count; ++k) sums[k % lanes] += lhs[k] * rounded<Compute>(row[k]);
    for (std::size_t half = lanes / 2; half > 0; half /= 2) {
        for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
    }
    return sums[0];
}

}  // namespace detail

/// A product of at most FewRows::most rows, the left operand not transposed; `Request` is a MatmulRequest.
template <class Request>
void multiply_few_rows(Context& context, const Request& request) {
    using Out = typename decltype(request.out)::value_type;
    using Compute = ComputeOf<Out>;
    const std::size_t rows = request.out.rows;
    const std::size_t depth = request.lhs.cols();
    const auto [lhs] = context.shared.template arrays<Compute>(rows * depth);
    for (std::size_t r = 0; r < rows; ++r) convert_run(request.lhs.stored.row(r), lhs + r * depth, depth);

    const auto strip_of_columns = [&, left = lhs](std::size_t first, std::size_t last) {
        const std::size_t count = last - first;
        for (std::size_t r = 0; r < rows; ++r) {
            Compute sum[FewRows::strip] = {};
            Out* const out = request.out.row(r) + first;
            if (request.bias != nullptr) {
                convert_run(request.bias + first, sum, count);
            } else if (request.write == Write::accumulate) {
                convert_run(out, sum, count);
            }
            if (request.rhs.as == Transpose::no) {
                detail::add_row_times_matrix(sum, left + r * depth, request.rhs.stored, first, count);
            } else {
                for (std::size_t c = 0; c < count; ++c) {
                    sum[c] += detail::dot(left + r * depth, request.rhs.stored.row(first + c), depth);
                }
            }
            request.finish(static_cast<const Compute*>(sum), out, Run{r, first, count});
        }
    };
    context.for_each_column_strip(request.out.cols, FewRows::strip, depth, strip_of_columns);
}

}  // namespace lamina::cpu
