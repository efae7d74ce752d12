// SPDX-License-Identifier: MIT
// The CUDA backend's causal attention on the matrix units: bf16, head width 64.
#pragma once

#include <cmath>
#include <cstddef>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/attention_rows.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/flash_tile.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/backend/cuda/plain_attention.hpp>
#include <lamina/backend/cuda/primitives.hpp>

namespace lamina::cuda {

namespace detail {

/// 1 / sqrt(64), and the same for powers of two.
inline constexpr float flash_scale = 0.125F;
inline constexpr float flash_scale_log2 = static_cast<float>(0.125 * log2_of_e);

/// How many queries a block has: `warps`, each with `row_tiles` times 16.
template <unsigned RowTiles, unsigned Warps>
struct FlashForwardShape {
    static constexpr unsigned row_tiles = RowTiles;
    static constexpr unsigned warps = Warps;
    static constexpr unsigned rows_per_warp = 16 * RowTiles;
    static constexpr unsigned rows = Warps * rows_per_warp;
    static constexpr unsigned threads = Warps * warp_size;
    /// The queries, and two tiles each of keys and values: one in use, one under way.
    static constexpr std::size_t shared_bytes = rows * flash_width * sizeof(bf16) + 4 * FlashTile::bytes;
    /// What registers leave room for, at 255 a thread for two row tiles and 168 for one.
    static constexpr unsigned blocks_at_once = RowTiles == 1 ? 12 / Warps : 8 / Warps;
};
using LongRows = FlashForwardShape<2, 4>;
// For packed segments, which are shorter, and whose prefixes take registers.
using MiddleRows = FlashForwardShape<1, 4>;
using ShortRows = FlashForwardShape<1, 2>;

/// The running softmax of 16 rows: this thread's are lane / 4 and 8 more.
struct FlashSoftmax {
    float largest[2] = {-infinity<float>, -infinity<float>};  ///< score so far, not scaled
    float sum[2] = {0, 0};                                    ///< of this thread's columns only

    /// Scores become exp((score - largest) / 8), and `out` is made to fit the largest.
    __device__ void add(FlashSums& scores, FlashSums& out) {
        for (unsigned which = 0; which < 2; ++which) {
            float top = largest[which];
            for (unsigned n = 0; n < 8; ++n) {
                top = std::fmax(top, std::fmax(scores[n][2 * which], scores[n][2 * which + 1]));
            }
            top = std::fmax(top, shuffle_xor(top, 1));
            top = std::fmax(top, shuffle_xor(top, 2));
            const float shrink = exp2_approximate((largest[which] - top) * flash_scale_log2);
            const float shift = top * flash_scale_log2;
            largest[which] = top;
            sum[which] *= shrink;
            for (unsigned n = 0; n < 8; ++n) {
                for (unsigned i = 2 * which; i < 2 * which + 2; ++i) {
                    scores[n][i] = exp2_approximate(scores[n][i] * flash_scale_log2 - shift);
                    sum[which] += scores[n][i];
                    out[n][i] *= shrink;
                }
            }
        }
    }
    [[nodiscard]] __device__ float whole_sum(unsigned which) const {
        const float pairs = sum[which] + shuffle_xor(sum[which], 1);
        return pairs + shuffle_xor(pairs, 2);
    }
};

/// Of a tile of 64 columns from `first_col` on, those after `last_col` of the warp's first row, one more for each row,
/// become `hidden`.
__device__ inline void hide_later(FlashSums& sums, unsigned first_col, unsigned last_col, float hidden) {
    const unsigned lane = lane_index();
    for (unsigned n = 0; n < 8; ++n) {
        for (unsigned i = 0; i < 4; ++i) {
            const unsigned col = first_col + 8 * n + 2 * (lane % 4) + i % 2;
            if (col > last_col + lane / 4 + i / 2 * 8) sums[n][i] = hidden;
        }
    }
}

/// True if some of a tile's columns come after those that the warp's first row sees.
[[nodiscard]] LAMINA_HOST_DEVICE constexpr bool needs_hiding(unsigned first_col, unsigned last_col) {
    return first_col + FlashTile::rows - 1 > last_col;
}

/// The keys and values of a head, two tiles of each in shared memory.
template <unsigned Threads, class BlockRows>
struct KeyTiles {
    const BlockRows& rows;
    bf16* memory;
    unsigned seen;

    [[nodiscard]] __device__ bf16* keys(unsigned tile) const { return memory + tile % 2 * 2 * FlashTile::elements; }
    [[nodiscard]] __device__ bf16* values(unsigned tile) const { return keys(tile) + FlashTile::elements; }
    [[nodiscard]] __device__ unsigned count() const { return pieces(seen, FlashTile::rows); }
    __device__ void load_async(unsigned tile) const {
        const unsigned first = tile * FlashTile::rows;
        const unsigned existing = smaller(FlashTile::rows, seen - first);
        FlashTile::load_async<Threads>(keys(tile), existing, [&](unsigned r) { return rows.key(first + r); });
        FlashTile::load_async<Threads>(values(tile), existing, [&](unsigned r) { return rows.value(first + r); });
        commit_copies();
    }
};

/// One block makes the output of up to Shape::rows queries of a head.
template <class Shape, class Source>
__global__ void __launch_bounds__(Shape::threads, Shape::blocks_at_once) flash_attention_kernel(Source source) {
    constexpr unsigned row_tiles = Shape::row_tiles;
    const auto rows = source.rows(block_index());
    if (rows.first >= rows.count) return;
    auto* const queries = reinterpret_cast<bf16*>(dynamic_shared());
    bf16* const own_rows = queries + warp_index() * Shape::rows_per_warp * flash_width;
    const KeyTiles<Shape::threads, std::remove_cv_t<decltype(rows)>> tiles{rows, queries + Shape::rows * flash_width,
                                                                           rows.seen(Shape::rows)};
    FlashTile::load_async<Shape::threads, Shape::rows>(queries, smaller(Shape::rows, rows.count - rows.first),
                                                       [&](unsigned r) { return rows.queries[rows.first + r]; });
    tiles.load_async(0);
    wait_copies<0>();
    sync_threads();
    FlashRows q[row_tiles];
    unrolled<row_tiles>([&](unsigned m) { load_rows(q[m], own_rows, 16 * m); });

    const unsigned first_query = rows.first + warp_index() * Shape::rows_per_warp;
    const unsigned first_seen = rows.cached() + first_query;  // the last key that the warp's first query sees
    FlashSoftmax softmax[row_tiles];
    FlashSums out[row_tiles] = {};
    for (unsigned tile = 0; tile < tiles.count(); ++tile) {
        if (tile > 0) {
            wait_copies<0>();
            sync_threads();  // the tile is there, and the one before it has been read
        }
        if (tile + 1 < tiles.count()) tiles.load_async(tile + 1);
        const unsigned first_key = tile * FlashTile::rows;
        if (first_key > first_seen + Shape::rows_per_warp - 1 || first_query >= rows.count) continue;
        FlashSums scores[row_tiles];
        multiply_by_rows(scores, q, tiles.keys(tile));
        unrolled<row_tiles>([&](unsigned m) {
            if (needs_hiding(first_key, first_seen + 16 * m)) {
                hide_later(scores[m], first_key, first_seen + 16 * m, -infinity<float>);
            }
            softmax[m].add(scores[m], out[m]);
        });
        multiply_by_columns(out, scores, tiles.values(tile));
    }
    // Asked again, because keeping it would take registers that the loop needs.
    const auto to = source.rows(block_index());
    unrolled<row_tiles>([&](unsigned m) {
        const float sums[2] = {softmax[m].whole_sum(0), softmax[m].whole_sum(1)};
        write_rows(to.out, first_query + 16 * m, to.count, own_rows + 16 * m * flash_width, out[m], 1 / sums[0],
                   1 / sums[1]);
        for (unsigned which = 0; which < 2; ++which) {
            const unsigned query = first_query + 16 * m + lane_index() / 4 + 8 * which;
            if (to.log_sum_exp == nullptr || lane_index() % 4 != 0 || query >= to.count) continue;
            to.log_sum_exp[query * to.log_sum_exp_stride] =
                softmax[m].largest[which] * flash_scale + std::log(sums[which]);
        }
    });
}

}  // namespace detail

/// True if `flash_attention` takes the request.
[[nodiscard]] inline bool is_for_flash(const Attention<bf16>& request) {
    return request.out.cols == request.heads * detail::flash_width &&
           is_packed<detail::FlashTile::chunk>(request.qkv) && is_packed<detail::FlashTile::chunk>(request.out);
}

/// `Attention` of bf16 with heads of 64 columns, 128 queries to a block. Queries, keys and values are read in place;
/// scores and probabilities stay in registers. Probabilities are rounded to bf16 for the product with the values.
///
/// cost     2·T²·64 multiply-adds a head, half of them for keys that come too late, of which whole tiles are left out
/// source   Dao 2023 (FlashAttention-2), algorithm 1
inline void flash_attention(Context& context, const Attention<bf16>& request) {
    using Shape = detail::LongRows;
    using Source = detail::WholeSequences<bf16>;
    const Source source(request, Shape::rows);
    launch(context.stream(), "Attention", source.shape(Shape::threads, Shape::shared_bytes),
           detail::flash_attention_kernel<Shape, Source>, source);
}

}  // namespace lamina::cuda
