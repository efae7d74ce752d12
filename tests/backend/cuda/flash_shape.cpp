// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/flash_shape.hpp>

#include <cstddef>
#include <type_traits>

using namespace lamina::cuda::detail;

namespace {

template <class Shape, unsigned Rows, unsigned RowTiles, unsigned Threads>
constexpr bool has = Shape::rows == Rows&& Shape::row_tiles == RowTiles&& Shape::threads == Threads;

// A multiprocessor of sm_80 has 164 KiB, of which each block takes one for itself. Others have 100 KiB or more, of which
// a block may have 99: there, one block of backward runs at a time.
template <class Shape>
constexpr bool fits_with_others =
    Shape::blocks_at_once*(Shape::shared_bytes + 1024) <= 164 * 1024 && Shape::shared_bytes <= 99 * 1024;

}  // namespace

static_assert(has<LongRows, 128, 2, 128> && has<MiddleRows, 64, 1, 128> && has<ShortRows, 32, 1, 64>);
static_assert(has<BackwardKeys, 128, 2, 128> && has<BackwardQueries, 128, 2, 128>);
static_assert(std::is_empty_v<LongRows> && std::is_empty_v<BackwardKeys>);

static_assert(fits_with_others<LongRows> && fits_with_others<MiddleRows>);
static_assert(fits_with_others<BackwardKeys> && fits_with_others<BackwardQueries>);
static_assert(LongRows::shared_bytes <= 48 * 1024, "as much as a kernel has without asking");

static_assert(BackwardKeys::columns * BackwardKeys::strips == FlashTile::rows);
// SharedRows changes bits of addresses within a row: every tile begins at a whole one.
static_assert(BackwardKeys::stage_bytes % FlashTile::row_bytes == 0);
static_assert(BackwardKeys::fixed_bytes % FlashTile::row_bytes == 0);
