// SPDX-License-Identifier: MIT
#include <lamina/core/extent.hpp>

#include <type_traits>

#include "support/catch.hpp"

using lamina::Extent;

static_assert(Extent{3, 7}.tokens() == 21);
static_assert(Extent{}.tokens() == 0 && Extent{3, 0}.tokens() == 0);
static_assert(Extent{3, 7} == Extent{3, 7} && Extent{3, 7} != Extent{7, 3});
static_assert(std::is_aggregate_v<Extent> && std::is_trivially_copyable_v<Extent>);

TEST_CASE("an extent counts the tokens of all its sequences", "[core]") {
    constexpr Extent extent{.batch = 4, .sequence = 1024};
    STATIC_REQUIRE(extent.tokens() == 4096);
}
