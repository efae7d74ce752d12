// SPDX-License-Identifier: MIT
#include <type_traits>

#include <lamina/core/host_device.hpp>

#include "support/catch.hpp"

namespace {

LAMINA_HOST_DEVICE constexpr int doubled(int value) noexcept { return 2 * value; }

struct Doubler {
    LAMINA_HOST_DEVICE [[nodiscard]] constexpr int operator()(int value) const { return doubled(value); }
};

}  // namespace

TEST_CASE("a function marked for host and device is an ordinary function on the host", "[core]") {
    STATIC_REQUIRE(doubled(21) == 42);
    STATIC_REQUIRE(Doubler{}(21) == 42);
    STATIC_REQUIRE(std::is_empty_v<Doubler>);
    int (*const function)(int) = &doubled;
    CHECK(function(21) == 42);
}
