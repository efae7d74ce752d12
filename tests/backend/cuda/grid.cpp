// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/grid.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "backend/cuda/kernels_under_test.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;

// XL's adapters have 3.8 billion parameters, which 32 bits do not count.
static_assert(place_in_grid(1U << 24U, 1024, 5) == (std::uint64_t{1} << 34U) + 5);
static_assert(std::is_same_v<decltype(first_element()), std::size_t> &&
              std::is_same_v<decltype(element_step()), std::size_t>);
static_assert(place_of((std::size_t{1} << 33U) + 7, 10).row == 858993459 &&
              place_of((std::size_t{1} << 33U) + 7, 10).piece == 9);
static_assert(place_of(3, std::size_t{1} << 40U).row == 0 && place_of(3, std::size_t{1} << 40U).piece == 3);
static_assert(place_of(0xFFFF'FFFFU, 0xFFFF'FFFFU).row == 1 && place_of(0xFFFF'FFFFU, 0xFFFF'FFFFU).piece == 0);

namespace {

void count_elements(std::vector<unsigned>* visits) {
    for (std::size_t i = first_element(); i < visits->size(); i += element_step()) ++(*visits)[i];
}
void count_rows(std::vector<unsigned>* visits) {
    for (std::size_t n = first_row(); n < visits->size(); n += row_step()) {
        if (lane_index() == 31) ++(*visits)[n];
    }
}

}  // namespace

TEST_CASE("a grid fills the device and no more", "[cuda][grid]") {
    CHECK(blocks_for(0, 256, 132) == 0);
    CHECK(blocks_for(1, 256, 132) == 1);
    CHECK(blocks_for(256, 256, 132) == 1);
    CHECK(blocks_for(257, 256, 132) == 2);
    CHECK(blocks_for(std::size_t{1} << 40U, 256, 132) == 132 * 32);
    // A micro-batch of 16 sequences has a warp for each of its tokens.
    CHECK(blocks_for(16384, rows_of_block, 132) * rows_of_block >= 16384);
    static_assert(element_threads % warp_size == 0 && row_threads % warp_size == 0);
}

TEST_CASE("a grid's loops visit each element and each row once, however many there are", "[cuda][grid]") {
    const Context context(0);
    for (const std::size_t count : {0U, 1U, 255U, 257U, 100000U}) {
        CAPTURE(count);
        std::vector<unsigned> visits(count);
        launch(context.stream(), "count", shape_for_elements(context, count), count_elements, &visits);
        CHECK(visits == std::vector<unsigned>(count, 1));
    }
    for (const std::size_t count : {0U, 1U, 5U, 1000U}) {
        CAPTURE(count);
        std::vector<unsigned> visits(count);
        launch(context.stream(), "count", shape_for_rows(context, count), count_rows, &visits);
        CHECK(visits == std::vector<unsigned>(count, 1));
    }
}
