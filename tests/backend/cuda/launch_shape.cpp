// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/launch_shape.hpp>

#include "support/catch.hpp"

using namespace lamina::cuda;

TEST_CASE("a launch shape is described in one line", "[cuda][launch]") {
    CHECK(describe({.blocks = 7, .threads = 128, .shared_bytes = 49152, .blocks_y = 2}) ==
          "blocks 7 x 2 x 1, threads 128, shared memory 49152 bytes");
}
