// SPDX-License-Identifier: MIT
// How flash attention's kernels cut their work: the shapes there are, and the ones that are taken.
#pragma once

#include <cstddef>

#include <lamina/backend/cuda/flash_tile.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/bfloat16.hpp>

namespace lamina::cuda::detail {

/// The rows of a block, which its warps share out: `RowTiles` times 16 to each. What a warp reads from shared memory
/// for one row tile serves the others, too.
template <unsigned RowTiles, unsigned Warps>
struct FlashRowsOfBlock {
    static constexpr unsigned row_tiles = RowTiles;
    static constexpr unsigned warps = Warps;
    static constexpr unsigned rows_per_warp = 16 * RowTiles;
    static constexpr unsigned rows = Warps * rows_per_warp;
    static constexpr unsigned threads = Warps * warp_size;
    static constexpr unsigned elements = rows * flash_width;
};

/// Forward: a block has `rows` queries, and takes keys and values 64 at a time.
template <unsigned RowTiles, unsigned Warps>
struct FlashForwardShape : FlashRowsOfBlock<RowTiles, Warps> {
    /// Q, and two tiles each of K and V: one in use, one under way.
    static constexpr std::size_t shared_bytes = FlashForwardShape::elements * sizeof(bf16) + 4 * FlashTile::bytes;
    /// What registers leave room for, at 255 a thread for two row tiles and 168 for one.
    static constexpr unsigned blocks_at_once = (RowTiles == 1 ? 12 : 8) / Warps;
};

/// Backward: a block has `rows` keys and takes queries 64 at a time, or the other way round. Of those a warp has
/// `Columns` at a time in registers, as scores and their gradients. `Blocks` of a multiprocessor bound the registers.
template <unsigned RowTiles, unsigned Warps, unsigned Columns, unsigned Blocks>
struct FlashBackwardShape : FlashRowsOfBlock<RowTiles, Warps> {
    static_assert(Columns % 16 == 0 && FlashTile::rows % Columns == 0,
                  "lamina: FlashBackwardShape: Columns must be 16, 32 or 64, which share out a tile in whole products");
    static constexpr unsigned columns = Columns;
    static constexpr unsigned strips = FlashTile::rows / Columns;
    static constexpr unsigned blocks_at_once = Blocks;
    /// Two floats for each row of a tile of queries.
    static constexpr std::size_t statistics_bytes = 2 * FlashTile::rows * sizeof(float);
    /// Two tiles, one in use while the next is under way.
    static constexpr std::size_t stage_bytes = 2 * FlashTile::bytes + statistics_bytes;
    static constexpr std::size_t fixed_bytes = 2 * FlashBackwardShape::elements * sizeof(bf16);
    static constexpr std::size_t shared_bytes = fixed_bytes + 2 * stage_bytes;
};

// What is taken. Backward's shapes are chosen by counts and not by time. For 64 × 64 scores of which none is hidden,
// warps issue on sm_90 (tests/structure/sass.txt) 1534 instructions for dK and dV, of which 128 load matrices from
// shared memory, and 1164 with 96 for dQ. With one row tile, FlashBackwardShape<1, 8, 64, 1> for both, they issue 1712
// with 256, and 1288 with 192. With more columns at a time, two row tiles spill registers. Where a multiprocessor has
// 100 KiB of shared memory (sm_86, sm_89) it runs one block of backward at a time, elsewhere two.
using BackwardKeys = FlashBackwardShape<2, 4, 16, 2>;
using BackwardQueries = FlashBackwardShape<2, 4, 16, 2>;

using LongRows = FlashForwardShape<2, 4>;
// For packed segments, which are shorter, and whose prefixes take registers.
using MiddleRows = FlashForwardShape<1, 4>;
using ShortRows = FlashForwardShape<1, 2>;

}  // namespace lamina::cuda::detail
