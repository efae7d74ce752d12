// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/launch.hpp>

#include <vector>

#include <lamina/backend/cuda/primitives.hpp>

#include "cuda_emulation/emulator.hpp"
#include "cuda_emulation/runtime.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
namespace emulator = lamina_tests::emulator;

namespace {

/// Counts the visits of each place of the grid.
__global__ void count(int* visits, long long step) {
    const BlockIndex block = block_index();
    const BlockIndex blocks = block_count();
    const unsigned place = ((block.z * blocks.y + block.y) * blocks.x + block.x) * thread_count() + thread_index();
    visits[place] += static_cast<int>(step);
}

}  // namespace

TEST_CASE("a launch runs every thread of every block once, its arguments converted", "[cuda][launch]") {
    std::vector<int> visits(2 * 3 * 4 * 32);
    launch(nullptr, "count", {.blocks = 2, .threads = 32, .blocks_y = 3, .blocks_z = 4}, count, visits.data(), 5);
    CHECK(visits == std::vector<int>(visits.size(), 5));
}

TEST_CASE("an empty grid is nothing to launch", "[cuda][launch]") {
    const std::size_t before = emulator::kernels_run();
    launch(nullptr, "count", {.blocks = 0, .threads = 32}, count, nullptr, 1);
    launch(nullptr, "count", {.blocks = 1, .threads = 32, .blocks_y = 0}, count, nullptr, 1);
    launch(nullptr, "count", {.blocks = 1, .threads = 32, .blocks_z = 0}, count, nullptr, 1);
    CHECK(emulator::kernels_run() == before);
}

TEST_CASE("a launch that fails tells operation and shape", "[cuda][launch]") {
    std::vector<int> visits(32);
    emulator::fail_call(1);
    CHECK_THROWS_WITH(
        launch(nullptr, "RowMoments", {.blocks = 1, .threads = 32, .shared_bytes = 64}, count, visits.data(), 1),
        Catch::Contains("RowMoments (blocks 1 x 1 x 1, threads 32, shared memory 64 bytes): cudaErrorLaunchFailure"));
    static_cast<void>(cudaGetLastError());
    CHECK(visits[0] == 0);
}
