// SPDX-License-Identifier: MIT
// CUDA's token and position embedding, and its backward.
#pragma once

#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/grid.hpp>
#include <lamina/backend/cuda/indices.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/backend/cuda/sorted_tokens.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cuda {

namespace detail {

template <unsigned Width, class T, class Weight>
__global__ void __launch_bounds__(element_threads) embed_kernel(Embed<T, Weight> job) {
    using Compute = ComputeOf<T>;
    const std::size_t per_row = job.out.cols / Width;
    for (std::size_t i = first_element(); i < job.out.rows * per_row; i += element_step()) {
        const Place place = place_of(i, per_row);
        const std::size_t position =
            !job.positions.empty() ? job.positions[place.row] : place_of(place.row, job.extent.sequence).piece;
        const auto id = static_cast<std::size_t>(job.ids[place.row]);
        const std::size_t col = place.piece * Width;
        const auto token = load_pack<Width>(job.token_table.row(id) + col);
        const auto placed = load_pack<Width>(job.position_table.row(position) + col);
        Pack<T, Width> result;
#pragma unroll
        for (unsigned k = 0; k < Width; ++k) {
            result.values[k] = converted<T>(converted<Compute>(token.values[k]) + converted<Compute>(placed.values[k]));
        }
        store_pack(job.out.row(place.row) + col, result);
    }
}

/// The block that finds a run's beginning adds the rows of its tokens, in their order: a block per token and strip of
/// columns.
template <class T, class Gradient>
__global__ void __launch_bounds__(element_threads)
    token_gradient_kernel(MatrixView<Gradient> table, MatrixView<const T> d_out, const PlacedToken* sorted) {
    using Compute = ComputeOf<Gradient>;
    const std::size_t first = block_index().x;
    const std::size_t col = static_cast<std::size_t>(block_index().y) * thread_count() + thread_index();
    const Token id = sorted[first].id();
    if (col >= d_out.cols || (first > 0 && sorted[first - 1].id() == id)) return;
    Gradient& total = table(static_cast<std::size_t>(id), col);
    auto sum = converted<Compute>(total);
    for (std::size_t i = first; i < d_out.rows && sorted[i].id() == id; ++i) {
        sum += converted<Compute>(d_out(sorted[i].place(), col));
    }
    total = converted<Gradient>(sum);
}

/// A thread per element of the positions' table, over the sequences in their order.
template <class T, class Gradient>
__global__ void __launch_bounds__(element_threads) position_gradient_kernel(EmbedBackward<T, Gradient> job) {
    using Compute = ComputeOf<Gradient>;
    const std::size_t cols = job.d_out.cols;
    for (std::size_t i = first_element(); i < job.extent.sequence * cols; i += element_step()) {
        const Place place = place_of(i, cols);
        Gradient& total = job.d_position_table(place.row, place.piece);
        auto sum = converted<Compute>(total);
        for (std::size_t b = 0; b < job.extent.batch; ++b) {
            sum += converted<Compute>(job.d_out(b * job.extent.sequence + place.row, place.piece));
        }
        total = converted<Gradient>(sum);
    }
}

}  // namespace detail

template <class T, class Weight>
void execute(Context& context, const Embed<T, Weight>& request) {
    LAMINA_EXPECTS(all_below(context, request.ids, request.token_table.rows), "Embed: a token outside the vocabulary");
    LAMINA_EXPECTS(request.positions.empty() || all_below(context, request.positions, request.position_table.rows),
                   "Embed: a position outside the position table");
    constexpr unsigned at_once = pack_width<T, Weight>;
    if (is_packed<at_once>(request.out) && is_packed<at_once>(request.token_table) &&
        is_packed<at_once>(request.position_table)) {
        launch(context.stream(), "Embed", shape_for_elements(context, request.out.size() / at_once),
               detail::embed_kernel<at_once, T, Weight>, request);
    } else {
        launch(context.stream(), "Embed", shape_for_elements(context, request.out.size()),
               detail::embed_kernel<1, T, Weight>, request);
    }
}

template <class T, class Gradient>
void execute(Context& context, const EmbedBackward<T, Gradient>& request) {
    const auto& d_out = request.d_out;
    const std::size_t tokens = request.extent.tokens();
    LAMINA_EXPECTS(all_below(context, request.ids, request.d_token_table.rows),
                   "EmbedBackward: a token outside the vocabulary");
    const auto strips = static_cast<unsigned>(pieces(d_out.cols, element_threads));
    launch(context.stream(), "EmbedBackward",
           {.blocks = static_cast<unsigned>(tokens), .threads = element_threads, .blocks_y = strips},
           detail::token_gradient_kernel<T, Gradient>, request.d_token_table, d_out,
           sorted_tokens(context, request.ids));
    launch(context.stream(), "EmbedBackward", shape_for_elements(context, request.extent.sequence * d_out.cols),
           detail::position_gradient_kernel<T, Gradient>, request);
}

}  // namespace lamina::cuda
