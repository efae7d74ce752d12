// SPDX-License-Identifier: MIT
// The backward of the CUDA backend's causal attention for every scalar type and head width, on the ordinary units, with
// the letters of flash_attention_backward.hpp.
#pragma once

#include <cmath>
#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/attention_rows.hpp>
#include <lamina/backend/cuda/block_reduce.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/backend/cuda/plain_attention.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/backend/cuda/register_tile.hpp>

namespace lamina::cuda {

namespace detail {

/// BackwardRows, with what is known of each query from the forward pass.
template <class T>
struct PlainBackwardRows : BackwardRows<T> {
    HeadRows<const ComputeOf<T>> log_sum_exp;
    const ComputeOf<T>* delta;  ///< [T], rowsum(dO ∘ O) of each token

    __device__ PlainBackwardRows(const AttentionBackward<T>& request, const HeadGrid::Place& place,
                                 const ComputeOf<T>* all_delta)
        : BackwardRows<T>(request, place),
          log_sum_exp(request.log_sum_exp, std::size_t{place.sequence} * request.extent.sequence, place.head),
          delta(all_delta + std::size_t{place.pair} * request.extent.sequence) {}
};

/// delta[pair, t] = rowsum(dO ∘ O) over a head. One warp for each token of each head.
template <class T>
__global__ void attention_delta_kernel(AttentionBackward<T> request, ComputeOf<T>* delta) {
    using Compute = ComputeOf<T>;
    const std::size_t index = std::size_t{block_index().x} * (thread_count() / warp_size) + thread_index() / warp_size;
    const std::size_t row = index / request.heads;
    const std::size_t head = index % request.heads;
    if (row >= request.out.rows) return;  // all threads of the warp
    const std::size_t width = request.out.cols / request.heads;
    const T* const out = request.out.row(row) + head * width;
    const T* const d_out = request.d_out.row(row) + head * width;
    Compute sum = 0;
    for (std::size_t c = thread_index() % warp_size; c < width; c += warp_size) {
        sum += static_cast<Compute>(out[c]) * static_cast<Compute>(d_out[c]);
    }
    sum = warp_sum(sum);
    if (thread_index() % warp_size != 0) return;
    const std::size_t length = request.extent.sequence;
    delta[(row / length * request.heads + head) * length + row % length] = sum;
}

/// The tiles of shared memory of a backward kernel.
template <class Compute>
struct BackwardTiles {
    Compute* lhs = reinterpret_cast<Compute*>(dynamic_shared());
    Compute* rhs = lhs + RegisterTile<Compute>::elements;
    Compute* weights = rhs + RegisterTile<Compute>::elements;

    __device__ BackwardTiles() {}
};

/// Probabilities, and the gradients of the scores before they are scaled, of a tile of queries (rows) and of keys
/// (columns).
template <class T>
struct ScoreGradients {
    using Compute = ComputeOf<T>;
    using Tile = RegisterTile<Compute>;

    Compute probabilities[Tile::each][Tile::each];
    Compute d_scores[Tile::each][Tile::each];

    __device__ ScoreGradients(const PlainBackwardRows<T>& rows, const BackwardTiles<Compute>& tiles,
                              unsigned first_query, unsigned first_key, Compute scale) {
        const unsigned queries = smaller(Tile::side, rows.count - first_query);
        const unsigned keys = smaller(Tile::side, rows.count - first_key);
        multiply_rows(probabilities, tiles.lhs, tiles.rhs,
                      RowProducts{[&](unsigned r) { return rows.queries[first_query + r]; },
                                  [&](unsigned r) { return rows.keys[first_key + r]; }, queries, keys, rows.width});
        multiply_rows(d_scores, tiles.lhs, tiles.rhs,
                      RowProducts{[&](unsigned r) { return rows.d_out[first_query + r]; },
                                  [&](unsigned r) { return rows.values[first_key + r]; }, queries, keys, rows.width});
        for (unsigned i = 0; i < Tile::each; ++i) {
            const unsigned query = first_query + Tile::first_row() + i;
            const bool exists = query < rows.count;
            const Compute shift = exists ? *rows.log_sum_exp[query] : Compute(0);
            const Compute delta = exists ? rows.delta[query] : Compute(0);
            for (unsigned j = 0; j < Tile::each; ++j) {
                const bool is_seen = exists && first_key + Tile::first_col() + j <= query;
                Compute& p = probabilities[i][j];
                p = is_seen ? exponential(p * scale - shift) : Compute(0);
                d_scores[i][j] = is_seen ? p * (d_scores[i][j] - delta) : Compute(0);
            }
        }
    }
};

/// Writes up to `cols` columns of `sums`, times `scale`.
template <class T>
__device__ void write_gradient(const HeadRows<T>& to, const ComputeOf<T> (&sums)[4][4], unsigned first, unsigned count,
                               unsigned first_col, unsigned cols, ComputeOf<T> scale) {
    using Tile = RegisterTile<ComputeOf<T>>;
    for (unsigned i = 0; i < Tile::each; ++i) {
        const unsigned row = first + Tile::first_row() + i;
        if (row >= count) continue;
        for (unsigned j = 0; j < Tile::each; ++j) {
            const unsigned col = Tile::first_col() + j;
            if (col < cols) to[row][first_col + col] = converted<T>(sums[i][j] * scale);
        }
    }
}

/// One block makes up to `side` columns of dK and dV for up to `side` keys of a head, over the queries that
/// see them, first to last.
template <class T>
__global__ void __launch_bounds__(RegisterTile<ComputeOf<T>>::threads,
                                  RegisterTile<ComputeOf<T>>::backward_blocks_at_once)
    plain_attention_keys_kernel(AttentionBackward<T> request, HeadGrid grid, const ComputeOf<T>* all_delta) {
    using Compute = ComputeOf<T>;
    using Tile = RegisterTile<Compute>;
    const HeadGrid::Place place = grid.place(block_index());
    if (!place.exists) return;
    const PlainBackwardRows<T> rows(request, place, all_delta);
    const BackwardTiles<Compute> tiles;
    const unsigned first_key = place.tile * Tile::side;
    const unsigned first_col = place.chunk * Tile::side;
    const unsigned cols = smaller(Tile::side, rows.width - first_col);
    const Compute scale = 1 / std::sqrt(static_cast<Compute>(rows.width));
    Compute dK[Tile::each][Tile::each] = {};
    Compute dV[Tile::each][Tile::each] = {};
    for (unsigned first_query = first_key; first_query < rows.count; first_query += Tile::side) {
        const unsigned queries = smaller(Tile::side, rows.count - first_query);
        const ScoreGradients<T> scores(rows, tiles, first_query, first_key, scale);
        const auto add = [&](typename Tile::Registers& sums, const typename Tile::Registers& weights,
                             const HeadRows<const T>& weighted) {
            Tile::store(tiles.weights, weights);
            Tile::load(tiles.rhs, queries, cols, [&](unsigned r) { return weighted[first_query + r] + first_col; });
            sync_threads();
            Tile::multiply_add(sums, tiles.weights, tiles.rhs, queries);
            sync_threads();
        };
        add(dV, scores.probabilities, rows.d_out);
        add(dK, scores.d_scores, rows.queries);
    }
    write_gradient<T>(rows.d_keys, dK, first_key, rows.count, first_col, cols, scale);
    write_gradient<T>(rows.d_values, dV, first_key, rows.count, first_col, cols, 1);
}

/// The same for dQ, over the keys that they see.
template <class T>
__global__ void __launch_bounds__(RegisterTile<ComputeOf<T>>::threads,
                                  RegisterTile<ComputeOf<T>>::backward_blocks_at_once)
    plain_attention_queries_kernel(AttentionBackward<T> request, HeadGrid grid, const ComputeOf<T>* all_delta) {
    using Compute = ComputeOf<T>;
    using Tile = RegisterTile<Compute>;
    const HeadGrid::Place place = grid.place(block_index());
    if (!place.exists) return;
    const PlainBackwardRows<T> rows(request, place, all_delta);
    const BackwardTiles<Compute> tiles;
    const unsigned first_query = place.tile * Tile::side;
    const unsigned first_col = place.chunk * Tile::side;
    const unsigned cols = smaller(Tile::side, rows.width - first_col);
    const Compute scale = 1 / std::sqrt(static_cast<Compute>(rows.width));
    Compute dQ[Tile::each][Tile::each] = {};
    for (unsigned first_key = 0; first_key <= first_query; first_key += Tile::side) {
        const unsigned keys = smaller(Tile::side, rows.count - first_key);
        const ScoreGradients<T> scores(rows, tiles, first_query, first_key, scale);
        Tile::store_transposed(tiles.weights, scores.d_scores);
        Tile::load(tiles.rhs, keys, cols, [&](unsigned r) { return rows.keys[first_key + r] + first_col; });
        sync_threads();
        Tile::multiply_add(dQ, tiles.weights, tiles.rhs, keys);
        sync_threads();
    }
    write_gradient<T>(rows.d_queries, dQ, first_query, rows.count, first_col, cols, scale);
}

/// The launches of attention_delta_kernel have this many threads a block.
inline constexpr unsigned delta_threads = 256;

[[nodiscard]] inline LaunchShape delta_shape(std::size_t rows, std::size_t heads) {
    constexpr std::size_t warps = delta_threads / warp_size;
    return {.blocks = static_cast<unsigned>(pieces(rows * heads, warps)), .threads = delta_threads};
}

}  // namespace detail

/// `AttentionBackward` for any head width: delta first, then dK and dV, then dQ, every sum in one order.
///
/// cost     scores and their gradients twice, and once more for each 64 columns (32 in double) of a head
template <class T>
void plain_attention_backward(Context& context, const AttentionBackward<T>& request) {
    using Compute = ComputeOf<T>;
    using Tile = detail::RegisterTile<Compute>;
    const char* const what = "AttentionBackward";
    auto* const delta = context.scratch<Compute>(Scratch::rows, request.out.rows * request.heads);
    launch(context.stream(), what, detail::delta_shape(request.out.rows, request.heads),
           detail::attention_delta_kernel<T>, request, delta);
    const auto run = [&](detail::Longest longest, auto kernel) {
        detail::HeadGrid grid(request.extent, request.heads, Tile::side, longest);
        grid.chunks = pieces(static_cast<unsigned>(request.out.cols / request.heads), Tile::side);
        launch(context.stream(), what, grid.shape(Tile::threads, detail::tile_bytes<Compute>(3)), kernel, request, grid,
               delta);
    };
    run(detail::Longest::first, detail::plain_attention_keys_kernel<T>);
    run(detail::Longest::last, detail::plain_attention_queries_kernel<T>);
}

}  // namespace lamina::cuda
