// SPDX-License-Identifier: MIT
// FlashTile: rows of 64 bf16 in shared memory, and products of them on the matrix units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <lamina/backend/cuda/attention_rows.hpp>
#include <lamina/backend/cuda/grid.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/host_device.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cuda::detail {

/// The one head width that flash attention is for: that of every GPT-2.
inline constexpr unsigned flash_width = 64;

/// f(0), …, f(Count - 1), written out one after another: arrays in registers are indexed by constants only, and
/// compilers do not unroll every loop whose body is long.
template <unsigned Count, class F>
__device__ inline void unrolled(const F& f) {
    [&]<unsigned... Indices>(std::integer_sequence<unsigned, Indices...>) { (f(Indices), ...); }
    (std::make_integer_sequence<unsigned, Count>{});
}

/// Rows of a head, 128 bytes each, in eight chunks of 16 bytes. Chunk c of row r lies where chunk c ^ (r % 8) would:
/// the same chunk of eight neighbouring rows, which matrix loads read together, and all chunks of a row, which copies
/// write together, are each in all 32 banks.
struct FlashTile {
    static constexpr unsigned rows = 64;
    static constexpr unsigned chunk = 8;  ///< elements
    static constexpr unsigned chunks = flash_width / chunk;
    static constexpr unsigned elements = rows * flash_width;
    static constexpr std::size_t bytes = elements * sizeof(bf16);

    [[nodiscard]] LAMINA_HOST_DEVICE static constexpr unsigned place(unsigned row, unsigned chunk_of_row) {
        return row * flash_width + (chunk_of_row ^ (row % chunks)) * chunk;
    }

    /// The address of chunk c ^ bits is that of chunk c, in a tile whose first is a multiple of row_bytes, ^
    /// other_chunk(bits), and the rows that are a multiple of eight later are as many times row_bytes further. With one
    /// address for all that it loads, a thread has registers left for more rows; compilers do not find this.
    static constexpr unsigned row_bytes = flash_width * sizeof(bf16);
    [[nodiscard]] LAMINA_HOST_DEVICE static constexpr unsigned other_chunk(unsigned bits) {
        return bits * chunk * static_cast<unsigned>(sizeof(bf16));
    }

    /// Starts copying row_of(r) to row r of `tile` for r < existing, zeros to the others up to `Rows`, for which
    /// row_of(r) is not read. All of the block's `Threads` take part; with both numbers known, how many copies each
    /// starts is, too.
    template <unsigned Threads, unsigned Rows = rows, class RowOf>
    __device__ static void load_async(bf16* tile, unsigned existing, const RowOf& row_of) {
        static_assert(Threads % chunks == 0 && Rows * chunks % Threads == 0,
                      "lamina: FlashTile: threads that do not share out the chunks of a tile evenly; take whole warps");
        constexpr unsigned rows_at_once = Threads / chunks;
        const unsigned first = thread_index() / chunks;
        const unsigned chunk_of_row = thread_index() % chunks;
        unrolled<Rows / rows_at_once>([&](unsigned k) {
            const unsigned row = first + k * rows_at_once;
            const unsigned place_of_copy =
                place(first + k * rows_at_once % 8, chunk_of_row) + k * rows_at_once / 8 * 8 * flash_width;
            copy_async(tile + place_of_copy, row_of(row) + chunk_of_row * chunk, row < existing);
        });
    }
};

/// Rows in shared memory from one of a tile on, a multiple of eight.
struct SharedRows {
    const bf16* tile;
    unsigned first = 0;

    [[nodiscard]] __device__ SharedRows from(unsigned further) const { return {tile, first + further}; }
    /// Where chunk `other` ^ `chunk` of row `first` + `further` + `row` is, a multiple of eight further.
    [[nodiscard]] __device__ SharedAddress address(unsigned row, unsigned chunk, unsigned other,
                                                   unsigned further) const {
        return (shared_address(tile + FlashTile::place(row, chunk)) ^ FlashTile::other_chunk(other)) +
               (first + further) * FlashTile::row_bytes;
    }
};

/// 16 rows of a warp, 64 elements each, as left operands of four products of depth 16.
using FlashRows = std::uint32_t[4][4];
/// 16 rows of a warp, `Columns` sums each, as results of 8 columns.
template <unsigned Columns>
using FlashSums = float[Columns / 8][4];

__device__ inline unsigned warp_index() { return thread_index() / warp_size; }

/// Where sums[n][i] of this thread is: its row of 16, and its column.
__device__ inline unsigned row_of_sum(unsigned i) { return lane_index() / 4 + i / 2 * 8; }
__device__ inline unsigned column_of_sum(unsigned n, unsigned i) { return 8 * n + 2 * (lane_index() % 4) + i % 2; }

/// f(sum, m, n, i) for each of this thread's sums[m][n][i].
template <unsigned RowTiles, unsigned EighthOfColumns, class F>
__device__ void for_each_sum(float (&sums)[RowTiles][EighthOfColumns][4], const F& f) {
#pragma unroll
    for (unsigned m = 0; m < RowTiles; ++m) {
#pragma unroll
        for (unsigned n = 0; n < EighthOfColumns; ++n) {
#pragma unroll
            for (unsigned i = 0; i < 4; ++i) f(sums[m][n][i], m, n, i);
        }
    }
}

/// The first 16 of some rows.
__device__ inline void load_rows(FlashRows& held, const SharedRows& rows) {
    const unsigned lane = lane_index();
    for (unsigned step = 0; step < 4; ++step) {
        load_matrices(held[step], rows.address(lane % 16, lane / 16, 2 * step, 0));
    }
}

/// sums[m] [16, Columns] += lhs[m] [16, 64] · (the first `Columns` rows)ᵀ.
template <unsigned RowTiles, unsigned EighthOfColumns>
__device__ void multiply_by_rows(float (&sums)[RowTiles][EighthOfColumns][4], const FlashRows (&lhs)[RowTiles],
                                 const SharedRows& rows) {
    const unsigned lane = lane_index();
    for (unsigned steps = 0; steps < 4; steps += 2) {
        for (unsigned n = 0; n < EighthOfColumns; ++n) {
            std::uint32_t rhs[4];
            load_matrices(rhs, rows.address(lane % 8, lane / 8, 2 * steps, 8 * n));
            for (unsigned m = 0; m < RowTiles; ++m) multiply_add(sums[m][n], lhs[m][steps], rhs[0], rhs[1]);
            for (unsigned m = 0; m < RowTiles; ++m) multiply_add(sums[m][n], lhs[m][steps + 1], rhs[2], rhs[3]);
        }
    }
}

/// sums[m] [16, 64] += weights[m] [16, Columns], rounded to bf16, · the first `Columns` rows. Two neighbouring results
/// of a product are, packed, the left operand of the next.
template <unsigned RowTiles, unsigned EighthOfColumns>
__device__ void multiply_by_columns(FlashSums<flash_width> (&sums)[RowTiles],
                                    const float (&weights)[RowTiles][EighthOfColumns][4], const SharedRows& rows) {
    const unsigned lane = lane_index();
    for (unsigned step = 0; step < EighthOfColumns / 2; ++step) {
        std::uint32_t lhs[RowTiles][4];
        for (unsigned m = 0; m < RowTiles; ++m) {
            for (unsigned i = 0; i < 4; ++i) {
                const float(&from)[4] = weights[m][2 * step + i / 2];
                lhs[m][i] = pack_bf16(from[2 * (i % 2)], from[2 * (i % 2) + 1]);
            }
        }
        for (unsigned pair = 0; pair < 4; ++pair) {
            std::uint32_t rhs[4];
            load_matrices_transposed(rhs, rows.address(lane % 16, lane / 16, 2 * pair, 16 * step));
            for (unsigned m = 0; m < RowTiles; ++m) {
                multiply_add(sums[m][2 * pair], lhs[m], rhs[0], rhs[1]);
                multiply_add(sums[m][2 * pair + 1], lhs[m], rhs[2], rhs[3]);
            }
        }
    }
}

/// Writes a warp's 16 rows of sums, times upper_factor (rows 0 to 7) and lower_factor, as rows [first, first + 16) of
/// `to`, those of them below `count`, by way of 16 rows of shared memory that are the warp's own.
__device__ inline void write_rows(const HeadRows<bf16>& to, unsigned first, unsigned count, bf16* staging,
                                  const FlashSums<flash_width>& sums, float upper_factor, float lower_factor) {
    // Not a Pack of bf16, whose copy nvcc makes of two bytes at a time.
    struct alignas(16) Chunk {
        std::uint32_t words[4];
    };
    const unsigned lane = lane_index();
    const unsigned row = lane / 4;
    sync_warp();  // all of the warp has read what was there
    for (unsigned n = 0; n < 8; ++n) {
        const auto put = [&](unsigned r, std::uint32_t pair) {
            *reinterpret_cast<std::uint32_t*>(staging + FlashTile::place(r, n) + 2 * (lane % 4)) = pair;
        };
        put(row, pack_bf16(sums[n][0] * upper_factor, sums[n][1] * upper_factor));
        put(row + 8, pack_bf16(sums[n][2] * lower_factor, sums[n][3] * lower_factor));
    }
    sync_warp();
    for (unsigned i = lane; i < 16 * FlashTile::chunks; i += warp_size) {
        const unsigned r = i / FlashTile::chunks;
        const unsigned c = i % FlashTile::chunks;
        if (first + r >= count) continue;
        *reinterpret_cast<Chunk*>(to[first + r] + c * FlashTile::chunk) =
            *reinterpret_cast<const Chunk*>(staging + FlashTile::place(r, c));
    }
}

}  // namespace lamina::cuda::detail
