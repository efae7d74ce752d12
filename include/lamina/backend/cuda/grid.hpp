// SPDX-License-Identifier: MIT
// How many blocks cover a number of elements or rows, and the loops that go with them.
#pragma once

#include <algorithm>
#include <cstddef>

#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/host_device.hpp>

namespace lamina::cuda {

/// Threads of a block in kernels that work on elements.
inline constexpr unsigned element_threads = 256;
/// Threads of a block in kernels in which a warp works on a row, and its warps.
inline constexpr unsigned row_threads = 128;
inline constexpr unsigned rows_of_block = row_threads / warp_size;

/// Blocks for `count` pieces of work, `each` per block: enough to fill the device several times over, no more. What is
/// left over is done in a loop.
[[nodiscard]] inline unsigned blocks_for(std::size_t count, std::size_t each, unsigned multiprocessors) {
    constexpr std::size_t per_multiprocessor = 32;
    return static_cast<unsigned>(std::min(pieces(count, each), per_multiprocessor * multiprocessors));
}

[[nodiscard]] inline LaunchShape shape_for_elements(const Context& context, std::size_t count) {
    return {.blocks = blocks_for(count, element_threads, context.multiprocessors()), .threads = element_threads};
}
[[nodiscard]] inline LaunchShape shape_for_rows(const Context& context, std::size_t rows) {
    return {.blocks = blocks_for(rows, rows_of_block, context.multiprocessors()), .threads = row_threads};
}

/// What comes after `blocks` whole blocks and `thread` threads of the next, counted over a grid.
[[nodiscard]] LAMINA_HOST_DEVICE constexpr std::size_t place_in_grid(unsigned blocks, unsigned threads,
                                                                     unsigned thread) {
    return static_cast<std::size_t>(blocks) * threads + thread;
}

/// The first piece of work of this thread, and how far it is to its next, over the whole grid.
__device__ inline std::size_t first_element() { return place_in_grid(block_index().x, thread_count(), thread_index()); }
__device__ inline std::size_t element_step() { return place_in_grid(block_count().x, thread_count(), 0); }

/// The same for warps, which work on a row each.
__device__ inline std::size_t first_row() { return first_element() / warp_size; }
__device__ inline std::size_t row_step() { return element_step() / warp_size; }
__device__ inline unsigned lane_index() { return thread_index() % warp_size; }

/// Element `index` of a matrix whose rows have `per_row` pieces.
struct Place {
    std::size_t row;
    std::size_t piece;
};
[[nodiscard]] LAMINA_HOST_DEVICE constexpr Place place_of(std::size_t index, std::size_t per_row) {
    // Division of 64-bit numbers takes the GPU many times as long.
    if (index <= 0xFFFF'FFFFU && per_row <= 0xFFFF'FFFFU) {
        const auto narrow = static_cast<unsigned>(index);
        const auto divisor = static_cast<unsigned>(per_row);
        return {narrow / divisor, narrow % divisor};
    }
    return {index / per_row, index % per_row};
}

}  // namespace lamina::cuda
