// SPDX-License-Identifier: MIT
// The backward of the CUDA backend's causal attention on the matrix units: bf16, head width 64, deterministic. Its
// letters are those of flash_attention.hpp; dX is the gradient of X, and delta = rowsum(dO ∘ O), the paper's D.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/attention_rows.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/flash_attention.hpp>
#include <lamina/backend/cuda/flash_shape.hpp>
#include <lamina/backend/cuda/flash_tile.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/backend/cuda/plain_attention.hpp>
#include <lamina/backend/cuda/primitives.hpp>

namespace lamina::cuda {

namespace detail {

/// What the backward kernels know of a tile of queries besides their rows.
struct TileStatistics {
    /// lse, as a power of two. Infinite for queries that do not exist, so that their probabilities are zero.
    float lse_log2[FlashTile::rows];
    /// -delta: where the sums of dP start, so that they end as dP - delta.
    float minus_delta[FlashTile::rows];
};

/// The statistics of all queries, padded to the rows of the longest block for each sequence and head.
struct FlashStatistics {
    static constexpr unsigned longest_block = 128;

    TileStatistics* memory;
    unsigned padded;  ///< queries of a head

    FlashStatistics(TileStatistics* scratch, std::size_t length)
        : memory(scratch), padded(pieces(static_cast<unsigned>(length), longest_block) * longest_block) {}

    /// How many tiles of queries there are.
    [[nodiscard]] static std::size_t count(Extent extent, std::size_t heads) {
        return extent.batch * heads * (FlashStatistics(nullptr, extent.sequence).padded / FlashTile::rows);
    }
    [[nodiscard]] LAMINA_HOST_DEVICE TileStatistics& tile(unsigned pair, unsigned index) const {
        return memory[std::size_t{pair} * (padded / FlashTile::rows) + index];
    }
};

/// Threads that share a row in flash_statistics_kernel, 16 bytes each.
inline constexpr unsigned threads_of_row = FlashTile::chunks;

/// Makes the statistics, with eight threads for each query of each head (Algorithm 2, before its loops). T is bf16:
/// kernels in headers must be templates.
template <class T>
__global__ void flash_statistics_kernel(AttentionBackward<T> request, FlashStatistics statistics) {
    const auto heads = static_cast<unsigned>(request.heads);
    const unsigned pairs = static_cast<unsigned>(request.extent.batch) * heads;
    const unsigned index = block_index().x * (thread_count() / threads_of_row) + thread_index() / threads_of_row;
    const unsigned pair = index / statistics.padded;
    const unsigned query = index % statistics.padded;
    const unsigned chunk = thread_index() % threads_of_row;
    const bool exists = pair < pairs && query < request.extent.sequence;
    const std::size_t row = pair / heads * request.extent.sequence + query;
    const unsigned head = pair % heads;
    float delta = 0;
    if (exists) {
        const unsigned col = head * flash_width + chunk * FlashTile::chunk;
        const auto O = load_pack<FlashTile::chunk>(request.out.row(row) + col);
        const auto dO = load_pack<FlashTile::chunk>(request.d_out.row(row) + col);
        for (unsigned i = 0; i < FlashTile::chunk; ++i) delta += float(dO.values[i]) * float(O.values[i]);
    }
    for (unsigned lanes = threads_of_row / 2; lanes > 0; lanes /= 2) delta += shuffle_xor(delta, lanes);
    if (chunk != 0 || pair >= pairs) return;
    TileStatistics& tile = statistics.tile(pair, query / FlashTile::rows);
    tile.lse_log2[query % FlashTile::rows] =
        exists ? request.log_sum_exp(row, head) * static_cast<float>(log2_of_e) : infinity<float>;
    tile.minus_delta[query % FlashTile::rows] = -delta;
}

/// Two matrices of which a block has `Shape::rows` rows that stay, shared out among its warps; and two of which it
/// takes tile by tile, one behind the other: one pair of tiles in use, one under way.
template <class Shape>
struct BackwardMemory {
    std::byte* start = dynamic_shared();

    __device__ BackwardMemory() {}
    [[nodiscard]] __device__ bf16* fixed(unsigned which) const {
        return reinterpret_cast<bf16*>(start) + which * Shape::elements;
    }
    [[nodiscard]] __device__ bf16* rows_of_warp(unsigned which) const {
        return fixed(which) + warp_index() * Shape::rows_per_warp * flash_width;
    }
    [[nodiscard]] __device__ std::byte* stage(unsigned tile) const {
        return start + Shape::fixed_bytes + tile % 2 * Shape::stage_bytes;
    }
    [[nodiscard]] __device__ bf16* moving(unsigned tile, unsigned which) const {
        return reinterpret_cast<bf16*>(stage(tile)) + which * FlashTile::elements;
    }
    [[nodiscard]] __device__ TileStatistics& statistics(unsigned tile) const {
        return *reinterpret_cast<TileStatistics*>(stage(tile) + 2 * FlashTile::bytes);
    }
};

/// Starts copying `Rows` rows of two matrices, from `first` on; zeros for those from `count` on.
template <class Shape, unsigned Rows>
__device__ void load_pair_async(bf16* a, bf16* b, const HeadRows<const bf16>& rows_a,
                                const HeadRows<const bf16>& rows_b, unsigned first, unsigned count) {
    const unsigned existing = smaller(Rows, count - first);
    FlashTile::load_async<Shape::threads, Rows>(a, existing, [&](unsigned r) { return rows_a[first + r]; });
    FlashTile::load_async<Shape::threads, Rows>(b, existing, [&](unsigned r) { return rows_b[first + r]; });
}

/// Starts copying an object, by as many threads as it takes.
template <class T>
__device__ void copy_object_async(T& shared, const T& global) {
    constexpr unsigned bytes = 16;
    const unsigned first = thread_index() * bytes;
    if (first >= sizeof(T)) return;
    copy_async(reinterpret_cast<std::byte*>(&shared) + first, reinterpret_cast<const std::byte*>(&global) + first,
               true);
}

/// One block makes dK and dV of up to Shape::rows keys of a head, over the tiles of queries that see them, first to
/// last (Algorithm 2, all but dQ). All products are transposed: a warp's rows are keys, so that P and dS leave one
/// product as what the next one takes.
template <class Shape, class T>
__global__ void __launch_bounds__(Shape::threads, Shape::blocks_at_once)
    flash_attention_keys_kernel(AttentionBackward<T> request, HeadGrid grid, FlashStatistics statistics) {
    constexpr unsigned row_tiles = Shape::row_tiles;
    const HeadGrid::Place place = grid.place(block_index());
    if (!place.exists) return;
    const BackwardRows<T> rows(request, place);
    const BackwardMemory<Shape> memory;
    const auto load_tile = [&](unsigned tile) {
        load_pair_async<Shape, FlashTile::rows>(memory.moving(tile, 0), memory.moving(tile, 1), rows.queries,
                                                rows.d_out, tile * FlashTile::rows, rows.count);
        copy_object_async(memory.statistics(tile), statistics.tile(place.pair, tile));
        commit_copies();
    };
    const unsigned first_key = place.tile * Shape::rows;
    const unsigned first_tile = first_key / FlashTile::rows;
    const unsigned tiles = pieces(rows.count, FlashTile::rows);
    load_pair_async<Shape, Shape::rows>(memory.fixed(0), memory.fixed(1), rows.keys, rows.values, first_key,
                                        rows.count);
    load_tile(first_tile);
    wait_copies<0>();
    sync_threads();
    const unsigned first_own = first_key + warp_index() * Shape::rows_per_warp;
    FlashRows K[row_tiles];
    FlashRows V[row_tiles];
    unrolled<row_tiles>([&](unsigned m) {
        load_rows(K[m], {memory.rows_of_warp(0), 16 * m});
        load_rows(V[m], {memory.rows_of_warp(1), 16 * m});
    });
    FlashSums<flash_width> dK[row_tiles] = {};
    FlashSums<flash_width> dV[row_tiles] = {};
    const auto take_queries = [&](unsigned tile, auto hides) {
        wait_copies<0>();
        sync_threads();  // the tile is there, and the one before it has been read
        if (tile + 1 < tiles) load_tile(tile + 1);
        const SharedRows Q{memory.moving(tile, 0)};
        const SharedRows dO = Q.from(FlashTile::rows);
        const TileStatistics& of = memory.statistics(tile);
        unrolled<Shape::strips>([&](unsigned strip) {
            const unsigned first = strip * Shape::columns;
            const unsigned first_query = tile * FlashTile::rows + first;
            if (hides.value && first_query + Shape::columns <= first_own) return;  // all see earlier keys only
            FlashSums<Shape::columns> P[row_tiles] = {};
            multiply_by_rows(P, K, Q.from(first));  // Sᵀ = K·Qᵀ
            for_each_sum(P, [&](float& S, unsigned m, unsigned n, unsigned i) {
                if (hides.value && first_query + column_of_sum(n, i) < first_own + 16 * m + row_of_sum(i)) {
                    S = -infinity<float>;
                }
                S = exp2_approximate(S * flash_scale_log2 - of.lse_log2[first + column_of_sum(n, i)]);
            });
            multiply_by_columns(dV, P, dO.from(first));  // dV += Pᵀ·dO
            FlashSums<Shape::columns> dS[row_tiles];
            for_each_sum(dS, [&](float& dP, unsigned, unsigned n, unsigned i) {
                dP = of.minus_delta[first + column_of_sum(n, i)];
            });
            multiply_by_rows(dS, V, dO.from(first));  // dPᵀ - delta = V·dOᵀ - delta
            for_each_sum(dS, [&](float& dP, unsigned m, unsigned n, unsigned i) { dP *= P[m][n][i]; });
            multiply_by_columns(dK, dS, Q.from(first));  // dK += dSᵀ·Q
        });
    };
    // Only in the first tiles does a query come before a key of the block.
    const unsigned hiding_tiles = smaller(pieces(first_key + Shape::rows, FlashTile::rows), tiles);
    unsigned tile = first_tile;
    for (; tile < hiding_tiles; ++tile) take_queries(tile, std::true_type{});
    for (; tile < tiles; ++tile) take_queries(tile, std::false_type{});
    unrolled<row_tiles>([&](unsigned m) {
        const unsigned first = first_own + 16 * m;
        write_rows(rows.d_keys, first, rows.count, memory.rows_of_warp(0), dK[m], flash_scale, flash_scale);
        write_rows(rows.d_values, first, rows.count, memory.rows_of_warp(1), dV[m], 1, 1);
    });
}

/// One block makes dQ of up to Shape::rows queries of a head, over the tiles of keys that they see, first to last
/// (Algorithm 2 with its loops exchanged, of which dQ alone is made).
template <class Shape, class T>
__global__ void __launch_bounds__(Shape::threads, Shape::blocks_at_once)
    flash_attention_queries_kernel(AttentionBackward<T> request, HeadGrid grid, FlashStatistics statistics) {
    static_assert(FlashStatistics::longest_block % Shape::rows == 0,
                  "lamina: FlashStatistics: a block of queries reads past what is padded");
    constexpr unsigned row_tiles = Shape::row_tiles;
    const HeadGrid::Place place = grid.place(block_index());
    if (!place.exists) return;
    const BackwardRows<T> rows(request, place);
    const BackwardMemory<Shape> memory;
    const auto load_tile = [&](unsigned tile) {
        load_pair_async<Shape, FlashTile::rows>(memory.moving(tile, 0), memory.moving(tile, 1), rows.keys, rows.values,
                                                tile * FlashTile::rows, rows.count);
        commit_copies();
    };
    const unsigned first_query = place.tile * Shape::rows;
    load_pair_async<Shape, Shape::rows>(memory.fixed(0), memory.fixed(1), rows.queries, rows.d_out, first_query,
                                        rows.count);
    load_tile(0);
    const unsigned first_own = first_query + warp_index() * Shape::rows_per_warp;
    float lse_log2[row_tiles][2];
    float minus_delta[row_tiles][2];
    for (unsigned m = 0; m < row_tiles; ++m) {
        for (unsigned half = 0; half < 2; ++half) {
            const unsigned query = first_own + 16 * m + row_of_sum(2 * half);
            const TileStatistics& of = statistics.tile(place.pair, query / FlashTile::rows);
            lse_log2[m][half] = of.lse_log2[query % FlashTile::rows];
            minus_delta[m][half] = of.minus_delta[query % FlashTile::rows];
        }
    }
    wait_copies<0>();
    sync_threads();
    FlashRows Q[row_tiles];
    FlashRows dO[row_tiles];
    unrolled<row_tiles>([&](unsigned m) {
        load_rows(Q[m], {memory.rows_of_warp(0), 16 * m});
        load_rows(dO[m], {memory.rows_of_warp(1), 16 * m});
    });
    const unsigned tiles = pieces(smaller(first_query + Shape::rows, rows.count), FlashTile::rows);
    FlashSums<flash_width> dQ[row_tiles] = {};
    const auto take_keys = [&](unsigned tile, auto hides) {
        wait_copies<0>();
        sync_threads();  // the tile is there, and the one before it has been read
        if (tile + 1 < tiles) load_tile(tile + 1);
        const SharedRows K{memory.moving(tile, 0)};
        const SharedRows V = K.from(FlashTile::rows);
        unrolled<Shape::strips>([&](unsigned strip) {
            const unsigned first = strip * Shape::columns;
            const unsigned first_key = tile * FlashTile::rows + first;
            // Whether all keys come after the queries. Asked in vain where none is hidden, because compilers then load
            // nothing of a strip before its turn; what they would load does not fit the registers.
            if ((hides.value || strip > 0) && first_key >= first_own + Shape::rows_per_warp) return;
            FlashSums<Shape::columns> P[row_tiles] = {};
            FlashSums<Shape::columns> dS[row_tiles];
            for_each_sum(dS, [&](float& dP, unsigned m, unsigned, unsigned i) { dP = minus_delta[m][i / 2]; });
            multiply_by_rows(P, Q, K.from(first));    // S = Q·Kᵀ
            multiply_by_rows(dS, dO, V.from(first));  // dP - delta = dO·Vᵀ - delta
            for_each_sum(P, [&](float& S, unsigned m, unsigned n, unsigned i) {
                if (hides.value && first_key + column_of_sum(n, i) > first_own + 16 * m + row_of_sum(i)) {
                    S = -infinity<float>;
                }
                S = exp2_approximate(S * flash_scale_log2 - lse_log2[m][i / 2]);
                dS[m][n][i] *= S;
            });
            multiply_by_columns(dQ, dS, K.from(first));  // dQ += dS·K
        });
    };
    const unsigned whole_tiles = (first_query + 1) / FlashTile::rows;  // that every query of the block sees
    unsigned tile = 0;
    for (; tile < whole_tiles; ++tile) take_keys(tile, std::false_type{});
    for (; tile < tiles; ++tile) take_keys(tile, std::true_type{});
    unrolled<row_tiles>([&](unsigned m) {
        write_rows(rows.d_queries, first_own + 16 * m, rows.count, memory.rows_of_warp(0), dQ[m], flash_scale,
                   flash_scale);
    });
}

/// The launches of flash_statistics_kernel.
[[nodiscard]] inline LaunchShape statistics_shape(Extent extent, std::size_t heads) {
    constexpr std::size_t rows_per_block = 256 / threads_of_row;
    const std::size_t rows = FlashStatistics::count(extent, heads) * FlashTile::rows;
    return {.blocks = static_cast<unsigned>(pieces(rows, rows_per_block)), .threads = 256};
}

}  // namespace detail

/// True if `flash_attention_backward` takes the request.
[[nodiscard]] inline bool is_for_flash(const AttentionBackward<bf16>& request) {
    return request.out.cols == request.heads * detail::flash_width &&
           is_packed<detail::FlashTile::chunk>(request.qkv) && is_packed<detail::FlashTile::chunk>(request.out) &&
           is_packed<detail::FlashTile::chunk>(request.d_out) && is_packed<detail::FlashTile::chunk>(request.d_qkv);
}

/// `AttentionBackward` of bf16 with heads of 64 columns: delta first, then dK and dV in blocks of `Keys`, then dQ in
/// blocks of `Queries`, every sum in one order. P and dS are rounded to bf16 for the products that follow them.
///
/// cost     7·T²·64 multiply-adds a head, half of them for keys that come too late, of which whole tiles are left out
/// source   Dao 2023 (FlashAttention-2), section 3.1.2 and Algorithm 2, with dQ apart: no two blocks add to a sum
template <class Keys = detail::BackwardKeys, class Queries = detail::BackwardQueries>
void flash_attention_backward(Context& context, const AttentionBackward<bf16>& request) {
    const char* const what = "AttentionBackward";
    const std::size_t count = detail::FlashStatistics::count(request.extent, request.heads);
    const detail::FlashStatistics statistics(context.scratch<detail::TileStatistics>(Scratch::rows, count),
                                             request.extent.sequence);
    launch(context.stream(), what, detail::statistics_shape(request.extent, request.heads),
           detail::flash_statistics_kernel<bf16>, request, statistics);
    const detail::HeadGrid keys(request.extent, request.heads, Keys::rows, detail::Longest::first);
    launch(context.stream(), what, keys.shape(Keys::threads, Keys::shared_bytes),
           detail::flash_attention_keys_kernel<Keys, bf16>, request, keys, statistics);
    const detail::HeadGrid queries(request.extent, request.heads, Queries::rows, detail::Longest::last);
    launch(context.stream(), what, queries.shape(Queries::threads, Queries::shared_bytes),
           detail::flash_attention_queries_kernel<Queries, bf16>, request, queries, statistics);
}

}  // namespace lamina::cuda
