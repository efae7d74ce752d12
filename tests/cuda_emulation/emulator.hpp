// SPDX-License-Identifier: MIT
// The emulator: runs kernels on the host, every thread of a block as a fibre, with the GPU's barriers and warps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace lamina_tests::emulator {

struct Place {
    unsigned x, y, z;
};

/// In which order the threads of a block, and the blocks of a grid, get to run: results must not depend on it. What is
/// right in one order only has a race. `forward` and `backward` run one warp of a block after another, each as far as it
/// gets without the others, and let asynchronous copies land when they are waited for and when they are started;
/// `shuffled` runs all warps side by side, and copies land at one time or the other.
enum class Order : std::uint8_t { forward, backward, shuffled };
void set_order(Order order);

/// Kernels run so far, for tests that count.
[[nodiscard]] std::size_t kernels_run();

struct Grid {
    Place blocks;
    unsigned threads;
    std::size_t shared_bytes;
};

/// Runs `kernel` once per thread of the grid. Throws std::logic_error for what a GPU would refuse or hang on: a block
/// beyond the limits, a barrier that some threads of its block or warp never reach.
void run(const Grid& grid, const std::function<void()>& kernel);

// What a kernel asks of the thread that runs it.
[[nodiscard]] unsigned thread_index();
[[nodiscard]] unsigned thread_count();
[[nodiscard]] Place block_index();
[[nodiscard]] Place block_count();
void sync_threads();
void sync_warp();
/// The same `bytes` of memory for every thread of the block that names the same key.
[[nodiscard]] std::byte* shared_memory(const void* key, std::size_t bytes);
[[nodiscard]] std::byte* dynamic_shared();

/// What every lane of this warp put in, by lane. A barrier for the warp; `bytes` at most 64. It stays until the exchange
/// after the next.
struct Exchanged {
    const std::byte* lanes;
    [[nodiscard]] const std::byte* of(unsigned lane) const { return lanes + lane * 64; }
};
[[nodiscard]] Exchanged exchange(const void* mine, std::size_t bytes);

/// Copies that wait for their group, as cp.async does: they land when `Order` says.
void copy_later(void* to, const void* from, bool valid);
void commit_copies();
void wait_copies(int pending);

}  // namespace lamina_tests::emulator
