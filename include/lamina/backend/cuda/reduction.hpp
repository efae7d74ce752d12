// SPDX-License-Identifier: MIT
// CUDA's sums: over rows, over tokens, and of squares; the same bits in every run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <tuple>

#include <cuda_runtime_api.h>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/block_reduce.hpp>
#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/elementwise.hpp>
#include <lamina/backend/cuda/grid.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cuda {

/// How the rows of a matrix are cut into pieces that are summed on their own, then together: by their number alone, so
/// that the result depends on nothing else.
struct RowPieces {
    static constexpr std::size_t most = 256;
    static constexpr std::size_t least_rows = 32;

    std::size_t rows_each;
    std::size_t count;

    [[nodiscard]] static constexpr RowPieces of(std::size_t rows) {
        const std::size_t each = std::max(least_rows, pieces(rows, most));
        return {each, pieces(rows, each)};
    }
};

namespace detail {

/// partial[piece, c] = the sum over the piece's rows of term(row, c), a column per thread.
template <class Compute, class Term>
__global__ void __launch_bounds__(element_threads)
    sum_piece_kernel(MatrixView<Compute> partial, Term term, std::size_t rows, std::size_t rows_each) {
    const std::size_t col = first_element();
    if (col >= partial.cols) return;
    const std::size_t piece = block_index().y;
    const std::size_t first = piece * rows_each;
    const std::size_t last = first + rows_each < rows ? first + rows_each : rows;
    Compute sum = 0;
#pragma unroll 8
    for (std::size_t row = first; row < last; ++row) sum += term(row, col);
    partial(piece, col) = sum;
}

/// out[c] (+)= the sum of the pieces, in their order.
template <class Out, class Compute>
__global__ void __launch_bounds__(element_threads)
    sum_pieces_kernel(Out* out, Write write, MatrixView<const Compute> partial) {
    const std::size_t col = first_element();
    if (col >= partial.cols) return;
    Compute sum = write == Write::accumulate ? converted<Compute>(out[col]) : Compute(0);
    Compute added = 0;
#pragma unroll 16
    for (std::size_t piece = 0; piece < partial.rows; ++piece) added += partial(piece, col);
    out[col] = converted<Out>(sum + added);
}

/// out[0, c] (+)= the sum over `rows` rows of term(row, c).
template <class Out, class Term>
void sum_over_rows(Context& context, const char* what, const MatrixView<Out>& out, std::size_t rows, Write write,
                   const Term& term) {
    using Compute = ComputeOf<Out>;
    const std::size_t cols = out.cols;
    const auto blocks = static_cast<unsigned>(pieces(cols, element_threads));
    const RowPieces of_rows = RowPieces::of(rows);
    const MatrixView<Compute> partial(context.scratch<Compute>(Scratch::partial_sums, of_rows.count * cols),
                                      of_rows.count, cols);
    launch(context.stream(), what,
           {.blocks = blocks, .threads = element_threads, .blocks_y = static_cast<unsigned>(of_rows.count)},
           sum_piece_kernel<Compute, Term>, partial, term, rows, of_rows.rows_each);
    launch(context.stream(), what, {.blocks = blocks, .threads = element_threads}, sum_pieces_kernel<Out, Compute>,
           out.data, write, MatrixView<const Compute>(partial));
}

/// f of the operands' elements at one place.
template <class Compute, class F, class... In>
struct TermOf;
template <class Compute, class F, class In>
struct TermOf<Compute, F, In> {
    F f;
    MatrixView<const In> in;
    LAMINA_HOST_DEVICE Compute operator()(std::size_t row, std::size_t col) const {
        return f(converted<Compute>(in(row, col)));
    }
};
template <class Compute, class F, class First, class Second>
struct TermOf<Compute, F, First, Second> {
    F f;
    MatrixView<const First> first;
    MatrixView<const Second> second;
    LAMINA_HOST_DEVICE Compute operator()(std::size_t row, std::size_t col) const {
        return f(converted<Compute>(first(row, col)), converted<Compute>(second(row, col)));
    }
};
template <class Compute, class F, class First, class Second, class Third>
struct TermOf<Compute, F, First, Second, Third> {
    F f;
    MatrixView<const First> first;
    MatrixView<const Second> second;
    MatrixView<const Third> third;
    LAMINA_HOST_DEVICE Compute operator()(std::size_t row, std::size_t col) const {
        return f(converted<Compute>(first(row, col)), converted<Compute>(second(row, col)),
                 converted<Compute>(third(row, col)));
    }
};

template <unsigned Width, class T>
__global__ void __launch_bounds__(element_threads) squares_kernel(MatrixView<const T> view, double* partial) {
    const std::size_t per_row = view.cols / Width;
    const std::size_t count = view.rows * per_row;
    double sum = 0;
    for (std::size_t i = first_element(); i < count; i += element_step()) {
        const Place place = view.rows == 1 ? Place{0, i} : place_of(i, per_row);
        const auto pack = load_pack<Width>(view.row(place.row) + place.piece * Width);
#pragma unroll
        for (unsigned k = 0; k < Width; ++k) {
            const auto value = converted<double>(pack.values[k]);
            sum += value * value;
        }
    }
    sum = block_sum(sum);
    if (thread_index() == 0) partial[block_index().x] = sum;
}

/// The sum of `count` numbers, by one block.
template <class T>
__global__ void __launch_bounds__(element_threads) sum_kernel(const T* values, std::size_t count, T* sum_out) {
    T sum = 0;
    for (std::size_t i = thread_index(); i < count; i += thread_count()) sum += values[i];
    sum = block_sum(sum);
    if (thread_index() == 0) *sum_out = sum;
}

/// Tokens t of each sequence that are counted: [first, last).
struct CountedTokens {
    std::size_t first;
    std::size_t last;
    [[nodiscard]] LAMINA_HOST_DEVICE static CountedTokens of(Extent extent, Positions positions) {
        return {positions == Positions::after_first ? std::size_t{1} : std::size_t{0},
                positions == Positions::first && extent.sequence > 0 ? std::size_t{1} : extent.sequence};
    }
    [[nodiscard]] LAMINA_HOST_DEVICE std::size_t each() const { return first < last ? last - first : 0; }
};

constexpr unsigned mean_threads = 1024;

/// A mean per block.
template <class Compute>
__global__ void __launch_bounds__(mean_threads) means_kernel(MeansOverTokens<Compute> job) {
    const TokenMean<Compute>& wanted = job.means[block_index().x];
    const CountedTokens counted = CountedTokens::of(job.extent, wanted.positions);
    const std::size_t count = job.extent.batch * counted.each();
    double sum = 0;
    for (std::size_t i = thread_index(); i < count; i += thread_count()) {
        const Place place = place_of(i, counted.each());
        sum += static_cast<double>(wanted.values[place.row * job.extent.sequence + counted.first + place.piece]);
    }
    sum = block_sum(sum);
    if (thread_index() == 0) wanted.mean[0] = count == 0 ? 0.0 : sum / static_cast<double>(count);
}

/// One double that a kernel has written.
[[nodiscard]] inline double read_back(Context& context, const double* value) {
    double host = 0;
    check(cudaMemcpyAsync(&host, value, sizeof host, cudaMemcpyDeviceToHost, context.stream()), "reading a sum back");
    context.wait("reading a sum back");
    return host;
}

}  // namespace detail

template <class Out, class F, class... In>
void execute(Context& context, const SumRows<Out, F, In...>& request) {
    static_assert(sizeof...(In) > 0 && sizeof...(In) <= 3,
                  "lamina: CudaBackend: SumRows takes one to three operands; combine some with Map first");
    using Term = detail::TermOf<ComputeOf<Out>, F, In...>;
    const Term term = std::apply([&](const auto&... in) { return Term{request.f, in...}; }, request.in);
    detail::sum_over_rows(context, "SumRows", request.out, std::get<0>(request.in).rows, request.write, term);
}

template <class T>
[[nodiscard]] double execute(Context& context, const SumOfSquares<T>& request) {
    MatrixView<const T> view = request.of;
    if (view.size() == 0) return 0;
    if (view.contiguous()) view = row_view(view.data, view.size());
    constexpr unsigned width = pack_width<T>;
    const bool packed = is_packed<width>(view);
    const LaunchShape shape = shape_for_elements(context, packed ? view.size() / width : view.size());
    double* const partial = context.scratch<double>(Scratch::partial_sums, shape.blocks + 1);
    launch(context.stream(), "SumOfSquares", shape,
           packed ? detail::squares_kernel<width, T> : detail::squares_kernel<1, T>, view, partial);
    launch(context.stream(), "SumOfSquares", {.blocks = 1, .threads = element_threads}, detail::sum_kernel<double>,
           partial, std::size_t{shape.blocks}, partial + shape.blocks);
    return detail::read_back(context, partial + shape.blocks);
}

template <class Compute>
void execute(Context& context, const MeansOverTokens<Compute>& request) {
    if (request.count == 0) return;
    launch(context.stream(), "MeansOverTokens",
           {.blocks = static_cast<unsigned>(request.count), .threads = detail::mean_threads},
           detail::means_kernel<Compute>, request);
}

}  // namespace lamina::cuda
