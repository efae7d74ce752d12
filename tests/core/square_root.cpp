// SPDX-License-Identifier: MIT
#include <lamina/core/square_root.hpp>

#include <cmath>

#include "support/catch.hpp"

static_assert(lamina::square_root(64) == 8 && lamina::square_root(1) == 1 && lamina::square_root(0.25) == 0.5);

TEST_CASE("the square root of a constant expression is the usual one") {
    for (const double x : {1e-9, 0.3, 2.0, 3.0, 8.0, 100.0, 4096.5, 1e12}) {
        CHECK(lamina::square_root(x) == Approx(std::sqrt(x)).epsilon(3e-16));
    }
}
