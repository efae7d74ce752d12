// SPDX-License-Identifier: MIT
// The CUDA backend's causal attention on the matrix units: bf16, head width 64. Kernels bear the letters of the papers:
// Q, K, V, the scores S, the probabilities P, the output O, and lse = log(sum(exp(S))) of each row.
#pragma once

#include <cmath>
#include <cstddef>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/attention_rows.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/flash_shape.hpp>
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

/// The running softmax of 16 rows (section 3.1.1): this thread's are lane / 4 and 8 more.
struct FlashSoftmax {
    float largest[2] = {-infinity<float>, -infinity<float>};  ///< m: score so far, not scaled
    float sum[2] = {0, 0};                                    ///< l: of this thread's columns only

    /// Scores S become P = exp((S - m) / 8), and `out`, which is O before it is divided by l, is made to fit m.
    __device__ void add(FlashSums<flash_width>& scores, FlashSums<flash_width>& out) {
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

/// The scores of keys from `first_key` on become -inf where they come after `last_seen` of the warp's first query, one
/// more for each row.
template <unsigned RowTiles>
__device__ void hide_later(FlashSums<flash_width> (&scores)[RowTiles], unsigned first_key, unsigned last_seen) {
    for_each_sum(scores, [&](float& S, unsigned m, unsigned n, unsigned i) {
        if (first_key + column_of_sum(n, i) > last_seen + 16 * m + row_of_sum(i)) S = -infinity<float>;
    });
}

/// The keys and values of a head in shared memory, tile by tile, the values of a tile behind its keys: one tile in use,
/// one under way.
template <unsigned Threads, class BlockRows>
struct KeyTiles {
    const BlockRows& rows;
    bf16* memory;
    unsigned seen;

    [[nodiscard]] __device__ bf16* tile(unsigned index) const { return memory + index % 2 * 2 * FlashTile::elements; }
    [[nodiscard]] __device__ unsigned count() const { return pieces(seen, FlashTile::rows); }
    __device__ void load_async(unsigned index) const {
        bf16* const keys = tile(index);
        const unsigned first = index * FlashTile::rows;
        const unsigned existing = smaller(FlashTile::rows, seen - first);
        FlashTile::load_async<Threads>(keys, existing, [&](unsigned r) { return rows.key(first + r); });
        FlashTile::load_async<Threads>(keys + FlashTile::elements, existing,
                                       [&](unsigned r) { return rows.value(first + r); });
        commit_copies();
    }
};

/// One block makes O and lse of up to Shape::rows queries of a head (Algorithm 1), over the tiles of keys that they
/// see, first to last. A warp has the same rows of Q, S, P and O, which stay in registers.
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
    FlashRows Q[row_tiles];
    unrolled<row_tiles>([&](unsigned m) { load_rows(Q[m], {own_rows, 16 * m}); });

    const unsigned first_own = rows.first + warp_index() * Shape::rows_per_warp;
    const unsigned last_seen = rows.cached() + first_own;  // the last key that the warp's first query sees
    FlashSoftmax softmax[row_tiles];
    FlashSums<flash_width> O[row_tiles] = {};
    const auto take_keys = [&](unsigned tile, auto hides) {
        wait_copies<0>();
        sync_threads();  // the tile is there, and the one before it has been read
        if (tile + 1 < tiles.count()) tiles.load_async(tile + 1);
        const unsigned first_key = tile * FlashTile::rows;
        if (first_own >= rows.count || (hides.value && first_key >= last_seen + Shape::rows_per_warp)) return;
        const SharedRows K{tiles.tile(tile)};
        const SharedRows V = K.from(FlashTile::rows);
        FlashSums<flash_width> P[row_tiles] = {};
        multiply_by_rows(P, Q, K);  // S = Q·Kᵀ
        if constexpr (hides.value) hide_later(P, first_key, last_seen);
        unrolled<row_tiles>([&](unsigned m) { softmax[m].add(P[m], O[m]); });
        multiply_by_columns(O, P, V);
    };
    // Tiles that every query of the block sees come first: nothing in them is hidden (section 3.1.1, causal masking).
    const unsigned whole_tiles = (rows.cached() + rows.first + 1) / FlashTile::rows;
    unsigned tile = 0;
    for (; tile < whole_tiles; ++tile) take_keys(tile, std::false_type{});
    for (; tile < tiles.count(); ++tile) take_keys(tile, std::true_type{});
    // Asked again, because keeping it would take registers that the loop needs.
    const auto to = source.rows(block_index());
    unrolled<row_tiles>([&](unsigned m) {
        const float sums[2] = {softmax[m].whole_sum(0), softmax[m].whole_sum(1)};
        write_rows(to.out, first_own + 16 * m, to.count, own_rows + 16 * m * flash_width, O[m], 1 / sums[0],
                   1 / sums[1]);
        for (unsigned which = 0; which < 2; ++which) {
            const unsigned query = first_own + 16 * m + lane_index() / 4 + 8 * which;
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

/// `Attention` of bf16 with heads of 64 columns, `Shape::rows` queries to a block. Q, K and V are read in place; S and
/// P stay in registers. P is rounded to bf16 for the product with V.
///
/// cost     2·T²·64 multiply-adds a head, half of them for keys that come too late, of which whole tiles are left out
/// source   Dao 2023 (FlashAttention-2), Algorithm 1
template <class Shape = detail::LongRows>
void flash_attention(Context& context, const Attention<bf16>& request) {
    using Source = detail::WholeSequences<bf16>;
    const Source source(request, Shape::rows);
    launch(context.stream(), "Attention", source.shape(Shape::threads, Shape::shared_bytes),
           detail::flash_attention_kernel<Shape, Source>, source);
}

}  // namespace lamina::cuda
