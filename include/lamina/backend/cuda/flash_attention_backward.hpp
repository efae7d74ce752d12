// SPDX-License-Identifier: MIT
// The backward of the CUDA backend's causal attention on the matrix units: bf16, head width 64, deterministic.
#pragma once

#include <cstddef>
#include <cstdint>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/attention_rows.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/flash_attention.hpp>
#include <lamina/backend/cuda/flash_tile.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/backend/cuda/plain_attention.hpp>
#include <lamina/backend/cuda/primitives.hpp>

namespace lamina::cuda {

namespace detail {

/// What the backward kernels need of each query besides its rows, padded to whole tiles of queries for each sequence
/// and head: first all shifts of a head, then all excesses.
struct FlashRowFacts {
    float* memory;
    unsigned padded;  ///< queries of a head

    FlashRowFacts(float* scratch, std::size_t length)
        : memory(scratch), padded(pieces(static_cast<unsigned>(length), FlashTile::rows) * FlashTile::rows) {}

    [[nodiscard]] static std::size_t count(Extent extent, std::size_t heads) {
        return extent.batch * heads * 2 * FlashRowFacts(nullptr, extent.sequence).padded;
    }

    /// The power of two to take off all scores, so that they become probabilities. Infinite for queries that do not
    /// exist, so that theirs are zero.
    [[nodiscard]] LAMINA_HOST_DEVICE float* shifts(unsigned pair) const {
        return memory + std::size_t{pair} * 2 * padded;
    }
    /// d_out · out: what all gradients of a row of probabilities have too much. Zero for queries that do not exist.
    [[nodiscard]] LAMINA_HOST_DEVICE float* excess(unsigned pair) const { return shifts(pair) + padded; }
};

/// Threads that share a row in flash_row_facts_kernel, 16 bytes each.
inline constexpr unsigned threads_of_row = FlashTile::chunks;

/// Makes the facts, with eight threads for each query of each head. T is bf16: kernels in headers must be templates.
template <class T>
__global__ void flash_row_facts_kernel(AttentionBackward<T> request, FlashRowFacts facts) {
    const auto heads = static_cast<unsigned>(request.heads);
    const unsigned pairs = static_cast<unsigned>(request.extent.batch) * heads;
    const unsigned index = block_index().x * (thread_count() / threads_of_row) + thread_index() / threads_of_row;
    const unsigned pair = index / facts.padded;
    const unsigned query = index % facts.padded;
    const unsigned chunk = thread_index() % threads_of_row;
    const bool exists = pair < pairs && query < request.extent.sequence;
    const std::size_t row = pair / heads * request.extent.sequence + query;
    const unsigned head = pair % heads;
    float sum = 0;
    if (exists) {
        const unsigned col = head * flash_width + chunk * FlashTile::chunk;
        const auto out = load_pack<FlashTile::chunk>(request.out.row(row) + col);
        const auto d_out = load_pack<FlashTile::chunk>(request.d_out.row(row) + col);
        for (unsigned i = 0; i < FlashTile::chunk; ++i) sum += float(out.values[i]) * float(d_out.values[i]);
    }
    for (unsigned lanes = threads_of_row / 2; lanes > 0; lanes /= 2) sum += shuffle_xor(sum, lanes);
    if (chunk != 0 || pair >= pairs) return;
    facts.shifts(pair)[query] =
        exists ? request.log_sum_exp(row, head) * static_cast<float>(log2_of_e) : infinity<float>;
    facts.excess(pair)[query] = sum;
}

/// A row of 64 floats, one for each query of a tile.
struct TileFacts {
    static constexpr unsigned copies = FlashTile::rows * sizeof(float) / 16;  ///< of 16 bytes

    float* shifts;
    float* excess;

    __device__ void load_async(const FlashRowFacts& facts, unsigned pair, unsigned first_query) const {
        const unsigned i = thread_index();
        if (i >= 2 * copies) return;
        const unsigned first = i % copies * 4;
        if (i < copies) {
            copy_async(shifts + first, facts.shifts(pair) + first_query + first, true);
        } else {
            copy_async(excess + first, facts.excess(pair) + first_query + first, true);
        }
    }
};

/// Two tiles that belong together, twice: one pair in use, one under way; and two more whose rows the warps share out.
struct BackwardMemory {
    static constexpr unsigned warps = 4;
    static constexpr unsigned threads = warps * warp_size;
    static constexpr std::size_t facts_bytes = 2 * FlashTile::rows * sizeof(float);
    static constexpr std::size_t stage_bytes = 2 * FlashTile::bytes + facts_bytes;
    static constexpr std::size_t shared_bytes = 2 * FlashTile::bytes + 2 * stage_bytes;

    std::byte* start = dynamic_shared();

    __device__ BackwardMemory() {}
    [[nodiscard]] __device__ bf16* fixed(unsigned which) const {
        return reinterpret_cast<bf16*>(start) + which * FlashTile::elements;
    }
    /// This warp's 16 rows of it.
    [[nodiscard]] __device__ bf16* own_rows(unsigned which) const {
        return fixed(which) + warp_index() * 16 * flash_width;
    }
    [[nodiscard]] __device__ std::byte* stage(unsigned tile) const {
        return start + 2 * FlashTile::bytes + tile % 2 * stage_bytes;
    }
    [[nodiscard]] __device__ bf16* moving(unsigned tile, unsigned which) const {
        return reinterpret_cast<bf16*>(stage(tile)) + which * FlashTile::elements;
    }
    [[nodiscard]] __device__ TileFacts facts(unsigned tile) const {
        auto* const first = reinterpret_cast<float*>(stage(tile) + 2 * FlashTile::bytes);
        return {first, first + FlashTile::rows};
    }
};

/// Starts copying 64 rows of two matrices, from `first` on.
__device__ inline void load_pair_async(bf16* a, bf16* b, const HeadRows<const bf16>& rows_a,
                                       const HeadRows<const bf16>& rows_b, unsigned first, unsigned count) {
    const unsigned existing = smaller(FlashTile::rows, count - first);
    constexpr unsigned threads = BackwardMemory::threads;
    FlashTile::load_async<threads>(a, existing, [&](unsigned r) { return rows_a[first + r]; });
    FlashTile::load_async<threads>(b, existing, [&](unsigned r) { return rows_b[first + r]; });
}

/// Of the scores of 16 keys, the first at `first_row` of its tile, with the queries of the tile of the same place,
/// those of queries that come before their key become -inf.
__device__ inline void hide_earlier(FlashSums& scores, unsigned first_row) {
    const unsigned lane = lane_index();
    for (unsigned n = 0; n < 8; ++n) {
        for (unsigned i = 0; i < 4; ++i) {
            const unsigned query = 8 * n + 2 * (lane % 4) + i % 2;
            if (query < first_row + lane / 4 + i / 2 * 8) scores[n][i] = -infinity<float>;
        }
    }
}

/// One block makes the gradients of 64 keys and values of a head, over the tiles of queries that see them, first to
/// last. All products are transposed: a warp has 16 keys, so that probabilities and gradients of scores leave one
/// product as what the next one takes.
template <class T>
__global__ void __launch_bounds__(BackwardMemory::threads, 2)
    flash_attention_keys_kernel(AttentionBackward<T> request, HeadGrid grid, FlashRowFacts facts) {
    const HeadGrid::Place place = grid.place(block_index());
    if (!place.exists) return;
    const BackwardRows<T> rows(request, place);
    const BackwardMemory memory;
    const auto load_tile = [&](unsigned tile) {
        load_pair_async(memory.moving(tile, 0), memory.moving(tile, 1), rows.queries, rows.d_out,
                        tile * FlashTile::rows, rows.count);
        memory.facts(tile).load_async(facts, place.pair, tile * FlashTile::rows);
        commit_copies();
    };
    const unsigned first_key = place.tile * FlashTile::rows;
    load_pair_async(memory.fixed(0), memory.fixed(1), rows.keys, rows.values, first_key, rows.count);
    load_tile(place.tile);
    wait_copies<0>();
    sync_threads();
    FlashRows keys[1];
    FlashRows values[1];
    load_rows(keys[0], memory.own_rows(0), 0);
    load_rows(values[0], memory.own_rows(1), 0);
    FlashSums d_keys[1] = {};
    FlashSums d_values[1] = {};
    for (unsigned tile = place.tile; tile < grid.tiles; ++tile) {
        if (tile > place.tile) {
            wait_copies<0>();
            sync_threads();  // the tile is there, and the one before it has been read
        }
        if (tile + 1 < grid.tiles) load_tile(tile + 1);
        FlashSums probabilities[1];
        FlashSums d_scores[1];
        multiply_by_rows(probabilities, keys, memory.moving(tile, 0));
        multiply_by_rows(d_scores, values, memory.moving(tile, 1));
        if (tile == place.tile) hide_earlier(probabilities[0], warp_index() * 16);
        const TileFacts tile_facts = memory.facts(tile);
        const unsigned lane = lane_index();
        for (unsigned n = 0; n < 8; ++n) {
            for (unsigned i = 0; i < 4; ++i) {
                const unsigned query = 8 * n + 2 * (lane % 4) + i % 2;
                float& p = probabilities[0][n][i];
                p = exp2_approximate(p * flash_scale_log2 - tile_facts.shifts[query]);
                d_scores[0][n][i] = p * (d_scores[0][n][i] - tile_facts.excess[query]);
            }
        }
        multiply_by_columns(d_values, probabilities, memory.moving(tile, 1));
        multiply_by_columns(d_keys, d_scores, memory.moving(tile, 0));
    }
    const unsigned first_own = first_key + warp_index() * 16;
    write_rows(rows.d_keys, first_own, rows.count, memory.own_rows(0), d_keys[0], flash_scale, flash_scale);
    write_rows(rows.d_values, first_own, rows.count, memory.own_rows(1), d_values[0], 1, 1);
}

/// One block makes the gradients of 64 queries of a head, over the tiles of keys that they see.
template <class T>
__global__ void __launch_bounds__(BackwardMemory::threads, 3)
    flash_attention_queries_kernel(AttentionBackward<T> request, HeadGrid grid, FlashRowFacts facts) {
    const HeadGrid::Place place = grid.place(block_index());
    if (!place.exists) return;
    const BackwardRows<T> rows(request, place);
    const BackwardMemory memory;
    const auto load_tile = [&](unsigned tile) {
        load_pair_async(memory.moving(tile, 0), memory.moving(tile, 1), rows.keys, rows.values, tile * FlashTile::rows,
                        rows.count);
        commit_copies();
    };
    const unsigned first_query = place.tile * FlashTile::rows;
    load_pair_async(memory.fixed(0), memory.fixed(1), rows.queries, rows.d_out, first_query, rows.count);
    load_tile(0);
    const unsigned first_own = first_query + warp_index() * 16;
    const unsigned lane = lane_index();
    float shifts[2];
    float excess[2];
    for (unsigned which = 0; which < 2; ++which) {
        shifts[which] = facts.shifts(place.pair)[first_own + lane / 4 + 8 * which];
        excess[which] = facts.excess(place.pair)[first_own + lane / 4 + 8 * which];
    }
    wait_copies<0>();
    sync_threads();
    FlashRows queries[1];
    FlashRows d_out[1];
    load_rows(queries[0], memory.own_rows(0), 0);
    load_rows(d_out[0], memory.own_rows(1), 0);
    FlashSums d_queries[1] = {};
    for (unsigned tile = 0; tile <= place.tile; ++tile) {
        if (tile > 0) {
            wait_copies<0>();
            sync_threads();  // the tile is there, and the one before it has been read
        }
        if (tile < place.tile) load_tile(tile + 1);
        FlashSums scores[1];
        FlashSums d_scores[1];
        multiply_by_rows(scores, queries, memory.moving(tile, 0));
        multiply_by_rows(d_scores, d_out, memory.moving(tile, 1));
        if (tile == place.tile) hide_later(scores[0], tile * FlashTile::rows, first_own, -infinity<float>);
        for (unsigned n = 0; n < 8; ++n) {
            for (unsigned i = 0; i < 4; ++i) {
                const float p = exp2_approximate(scores[0][n][i] * flash_scale_log2 - shifts[i / 2]);
                d_scores[0][n][i] = p * (d_scores[0][n][i] - excess[i / 2]);
            }
        }
        multiply_by_columns(d_queries, d_scores, memory.moving(tile, 0));
    }
    write_rows(rows.d_queries, first_own, rows.count, memory.own_rows(0), d_queries[0], flash_scale, flash_scale);
}

/// The launches of flash_row_facts_kernel.
[[nodiscard]] inline LaunchShape row_facts_shape(Extent extent, std::size_t heads) {
    constexpr std::size_t rows_per_block = 256 / threads_of_row;
    const std::size_t rows = FlashRowFacts::count(extent, heads) / 2;
    return {.blocks = static_cast<unsigned>(pieces(rows, rows_per_block)), .threads = 256};
}

}  // namespace detail

/// True if `flash_attention_backward` takes the request.
[[nodiscard]] inline bool is_for_flash(const AttentionBackward<bf16>& request) {
    return request.out.cols == request.heads * detail::flash_width &&
           is_packed<detail::FlashTile::chunk>(request.qkv) && is_packed<detail::FlashTile::chunk>(request.out) &&
           is_packed<detail::FlashTile::chunk>(request.d_out) && is_packed<detail::FlashTile::chunk>(request.d_qkv);
}

/// `AttentionBackward` of bf16 with heads of 64 columns: d_out · out of each row first, then keys and values, then
/// queries, every sum in one order. Probabilities and gradients of scores are rounded to bf16 for the products that
/// follow them.
///
/// cost     7·T²·64 multiply-adds a head, half of them for keys that come too late, of which whole tiles are left out
/// source   Dao 2023 (FlashAttention-2), algorithm 2, with queries apart, so that nothing is added up by several blocks
inline void flash_attention_backward(Context& context, const AttentionBackward<bf16>& request) {
    using Shape = detail::BackwardMemory;
    const char* const what = "AttentionBackward";
    const std::size_t facts_count = detail::FlashRowFacts::count(request.extent, request.heads);
    const detail::FlashRowFacts facts(context.scratch<float>(Scratch::rows, facts_count), request.extent.sequence);
    launch(context.stream(), what, detail::row_facts_shape(request.extent, request.heads),
           detail::flash_row_facts_kernel<bf16>, request, facts);
    const auto run = [&](detail::Longest longest, auto kernel) {
        const detail::HeadGrid grid(request.extent, request.heads, detail::FlashTile::rows, longest);
        launch(context.stream(), what, grid.shape(Shape::threads, Shape::shared_bytes), kernel, request, grid, facts);
    };
    run(detail::Longest::first, detail::flash_attention_keys_kernel<bf16>);
    run(detail::Longest::last, detail::flash_attention_queries_kernel<bf16>);
}

}  // namespace lamina::cuda
