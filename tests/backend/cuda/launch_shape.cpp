// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/launch_shape.hpp>

#include <cstddef>

#include "support/catch.hpp"

using namespace lamina::cuda;

static_assert(pieces(0U, 64) == 0 && pieces(1U, 64) == 1 && pieces(64U, 64) == 1 && pieces(65U, 64) == 2);
static_assert(pieces(std::size_t{5'000'000'000}, 2) == 2'500'000'000);

TEST_CASE("a launch shape is described in one line", "[cuda][launch]") {
    CHECK(describe({.blocks = 7, .threads = 128, .shared_bytes = 49152, .blocks_y = 2}) ==
          "blocks 7 x 2 x 1, threads 128, shared memory 49152 bytes");
}
