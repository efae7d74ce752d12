// SPDX-License-Identifier: MIT
// The expected values are numpy's.
#include <lamina/eval/numpy_permutation.hpp>

#include "support/catch.hpp"

using lamina::eval::numpy_permutation;
using Order = std::vector<std::uint32_t>;

TEST_CASE("a permutation is numpy's") {
    CHECK(numpy_permutation(10, 42) == Order{5, 6, 0, 7, 3, 2, 4, 9, 1, 8});
    CHECK(numpy_permutation(10, 0) == Order{4, 6, 2, 7, 3, 5, 9, 0, 8, 1});
    CHECK(numpy_permutation(10, 4294967295U) == Order{0, 1, 4, 8, 3, 7, 5, 6, 2, 9});
    CHECK(numpy_permutation(1, 42) == Order{0});
    CHECK(numpy_permutation(0, 42).empty());
}

TEST_CASE("10,000 rows begin and end in numpy's order") {
    const Order order = numpy_permutation(10'000, 42);
    CHECK(Order(order.begin(), order.begin() + 5) == Order{8132, 8268, 719, 8237, 4555});
    CHECK(Order(order.end() - 5, order.end()) == Order{2189, 4802, 5668, 5729, 9864});
}
