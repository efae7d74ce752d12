// SPDX-License-Identifier: MIT
// LAMINA_EXPECTS as a release build has it. Nothing else of lamina is included here: an inline function with a contract
// would then have two definitions in this program.
#undef LAMINA_CHECKED
#ifndef NDEBUG
#define NDEBUG
#endif
#include <lamina/core/expects.hpp>

#include "support/catch.hpp"

static_assert(LAMINA_CHECKED == 0, "NDEBUG turns the checks off where nothing else is said");

namespace {

constexpr int half_without_a_check(int value) {
    LAMINA_EXPECTS(value % 2 == 0, "half_without_a_check: value must be even");
    return value / 2;
}

}  // namespace

TEST_CASE("an unchecked contract neither throws nor evaluates its condition", "[core]") {
    CHECK(half_without_a_check(3) == 1);
    STATIC_REQUIRE(half_without_a_check(3) == 1);
    int evaluations = 0;
    LAMINA_EXPECTS(++evaluations == 0, "never looked at");
    CHECK(evaluations == 0);
}
