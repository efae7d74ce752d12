// SPDX-License-Identifier: MIT
// The CUDA backend's causal attention for every scalar type and head width, on the ordinary units.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/attention_rows.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/backend/cuda/register_tile.hpp>
#include <lamina/core/vector_math.hpp>

namespace lamina::cuda {

namespace detail {

inline constexpr double log2_of_e = 1.4426950408889634074;
template <class Compute>
inline constexpr Compute infinity = std::numeric_limits<Compute>::infinity();

/// e^x, in float with a relative error of about 2^-22 + |x| · 2^-24: that of the instruction, and that of the exponent,
/// which is rounded before.
template <class Compute>
__device__ inline Compute exponential(Compute x) {
    if constexpr (std::is_same_v<Compute, float>) {
        return exp2_approximate(x * static_cast<float>(log2_of_e));
    } else {
        return math::exp(x);
    }
}

/// Four rows of a softmax, of which the keys come in tiles.
template <class Compute>
struct RunningSoftmax {
    using Tile = RegisterTile<Compute>;

    Compute largest[Tile::each];  ///< scaled score so far
    Compute sum[Tile::each];      ///< of exp(score - largest), this thread's columns only

    __device__ RunningSoftmax() {
        for (unsigned i = 0; i < Tile::each; ++i) {
            largest[i] = -infinity<Compute>;
            sum[i] = 0;
        }
    }

    /// Scaled scores become exp(score - largest), and `out` is made to fit the largest.
    __device__ void add(typename Tile::Registers& scores, typename Tile::Registers& out) {
        for (unsigned i = 0; i < Tile::each; ++i) {
            Compute top = largest[i];
            for (unsigned j = 0; j < Tile::each; ++j) top = scores[i][j] > top ? scores[i][j] : top;
            top = Tile::largest_of_row(top);
            const Compute shrink = exponential(largest[i] - top);
            largest[i] = top;
            sum[i] *= shrink;
            for (unsigned j = 0; j < Tile::each; ++j) {
                scores[i][j] = exponential(scores[i][j] - top);
                sum[i] += scores[i][j];
                out[i][j] *= shrink;
            }
        }
    }
};

/// The scores of keys after their query, and of rows that do not exist, become -inf.
template <class Compute, class BlockRows>
__device__ void scale_and_hide(Compute (&scores)[4][4], const BlockRows& rows, unsigned first_key, Compute scale) {
    using Tile = RegisterTile<Compute>;
    for (unsigned i = 0; i < Tile::each; ++i) {
        const unsigned last = rows.cached() + rows.first + Tile::first_row() + i;  // key that this query sees
        for (unsigned j = 0; j < Tile::each; ++j) {
            const bool is_seen = first_key + Tile::first_col() + j <= last;
            scores[i][j] = is_seen ? scores[i][j] * scale : -infinity<Compute>;
        }
    }
}

/// One block makes up to `side` columns of the output for up to `side` queries of a head.
template <class T, class Source>
__global__ void __launch_bounds__(RegisterTile<ComputeOf<T>>::threads, RegisterTile<ComputeOf<T>>::blocks_at_once)
    plain_attention_kernel(Source source) {
    using Compute = ComputeOf<T>;
    using Tile = RegisterTile<Compute>;
    const auto rows = source.rows(block_index());
    if (rows.first >= rows.count) return;
    auto* const lhs = reinterpret_cast<Compute*>(dynamic_shared());
    Compute* const rhs = lhs + Tile::elements;
    Compute* const weights = rhs + Tile::elements;
    const unsigned width = source.head_width();
    const unsigned first_col = rows.chunk * Tile::side;
    const unsigned cols = smaller(Tile::side, width - first_col);
    const unsigned seen = rows.seen(Tile::side);
    const Compute scale = 1 / std::sqrt(static_cast<Compute>(width));
    RunningSoftmax<Compute> softmax;
    Compute O[Tile::each][Tile::each] = {};
    for (unsigned first_key = 0; first_key < seen; first_key += Tile::side) {
        const unsigned keys = smaller(Tile::side, seen - first_key);
        Compute P[Tile::each][Tile::each];
        multiply_rows(P, lhs, rhs,
                      RowProducts{[&](unsigned r) { return rows.queries[rows.first + r]; },
                                  [&](unsigned r) { return rows.key(first_key + r); },
                                  smaller(Tile::side, rows.count - rows.first), keys, width},
                      first_key > 0 && width <= Tile::side);
        scale_and_hide(P, rows, first_key, scale);
        softmax.add(P, O);  // the scores become P
        Tile::store_transposed(weights, P);
        Tile::load(rhs, keys, cols, [&](unsigned r) { return rows.value(first_key + r) + first_col; });
        sync_threads();
        Tile::multiply_add(O, weights, rhs, keys);
        sync_threads();
    }
    for (unsigned i = 0; i < Tile::each; ++i) {
        const Compute sum = Tile::sum_of_row(softmax.sum[i]);
        const unsigned query = rows.first + Tile::first_row() + i;
        if (query >= rows.count) continue;
        for (unsigned j = 0; j < Tile::each; ++j) {
            const unsigned col = Tile::first_col() + j;
            if (col < cols) rows.out[query][first_col + col] = converted<T>(O[i][j] / sum);
        }
        if (rows.log_sum_exp != nullptr && rows.chunk == 0 && Tile::first_col() == 0) {
            rows.log_sum_exp[query * rows.log_sum_exp_stride] = softmax.largest[i] + std::log(sum);
        }
    }
}

/// The shared memory of a kernel with `tiles` tiles of `Compute`.
template <class Compute>
[[nodiscard]] constexpr std::size_t tile_bytes(unsigned tiles) {
    return std::size_t{tiles} * RegisterTile<Compute>::elements * sizeof(Compute);
}

template <class T, class Source>
void run_plain_attention(Context& context, const char* what, Source source) {
    using Tile = RegisterTile<ComputeOf<T>>;
    source.set_chunks(pieces(source.head_width(), Tile::side));
    launch(context.stream(), what, source.shape(Tile::threads, tile_bytes<ComputeOf<T>>(3)),
           plain_attention_kernel<T, Source>, source);
}

}  // namespace detail

/// `Attention` for any head width, each block with up to 64 queries (32 in double) and as many columns of the output.
///
/// cost     products on the ordinary units; the scores once more for each 64 columns (32 in double) of a head
template <class T>
void plain_attention(Context& context, const Attention<T>& request) {
    detail::run_plain_attention<T>(context, "Attention",
                                   detail::WholeSequences<T>(request, detail::RegisterTile<ComputeOf<T>>::side));
}

}  // namespace lamina::cuda
