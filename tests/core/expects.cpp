// SPDX-License-Identifier: MIT
// LAMINA_EXPECTS with checks on; expects_unchecked.cpp has them off.
#include <stdexcept>
#include <type_traits>

#include <lamina/core/expects.hpp>

#include "support/catch.hpp"

static_assert(LAMINA_CHECKED == 1);
static_assert(std::is_base_of_v<std::logic_error, lamina::ContractViolation>);

namespace {

constexpr int half_of_even(int value) {
    LAMINA_EXPECTS(value % 2 == 0, "half_of_even: value must be even");
    return value / 2;
}

}  // namespace

TEST_CASE("a broken contract throws a sentence that starts with lamina", "[core]") {
    CHECK(half_of_even(4) == 2);
    CHECK_THROWS_AS(half_of_even(3), lamina::ContractViolation);
    CHECK_THROWS_WITH(half_of_even(3), "lamina: half_of_even: value must be even");
}

TEST_CASE("a contract is checked in constant expressions too, and evaluated once", "[core]") {
    STATIC_REQUIRE(half_of_even(4) == 2);
    int evaluations = 0;
    LAMINA_EXPECTS(++evaluations == 1, "counts");
    CHECK(evaluations == 1);
}
