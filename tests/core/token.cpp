// SPDX-License-Identifier: MIT
#include <cstdint>
#include <limits>
#include <type_traits>

#include <lamina/core/token.hpp>

#include "support/catch.hpp"

TEST_CASE("a token holds every id of the vocabulary, and values below zero for positions without one", "[core]") {
    STATIC_REQUIRE(std::is_same_v<lamina::Token, std::int32_t>);
    STATIC_REQUIRE(std::numeric_limits<lamina::Token>::max() >= 50256);
    STATIC_REQUIRE(std::numeric_limits<lamina::Token>::lowest() < 0);
}
