// SPDX-License-Identifier: MIT
#include <lamina/nn/paths.hpp>

#include <array>
#include <type_traits>

#include "support/catch.hpp"

using namespace lamina;

static_assert(std::is_trivially_copyable_v<Into<float, 4>> && std::is_trivially_copyable_v<Paths<float, 4>>);
static_assert(std::is_convertible_v<Rows<float, 4>, Into<float, 4>>);
static_assert(!std::is_convertible_v<Rows<float, 5>, Into<float, 4>>);
static_assert(std::is_convertible_v<Rows<float, 4>, Paths<const float, 4>>);
static_assert(std::is_convertible_v<Paths<float, 4>, Paths<const float, 4>>);
static_assert(!std::is_convertible_v<Paths<const float, 4>, Paths<float, 4>>);
static_assert(!std::is_convertible_v<Rows<float, 5>, Paths<float, 4>>);

TEST_CASE("a place that nobody wants is empty", "[nn]") {
    CHECK(Into<float, 4>{}.empty());
    CHECK(Paths<float, 4>{}.empty());
    std::array<float, 4> memory{};
    const Rows<float, 4> row(memory.data(), 1);
    CHECK_FALSE(Into(row).empty());
    CHECK(Into(row).base.empty());
    CHECK(Into(row, row.read_only()).base.data == memory.data());
}

TEST_CASE("one view is both paths, two views are two", "[nn]") {
    std::array<float, 8> memory{};
    const Rows<float, 4> first(memory.data(), 1);
    const Rows<float, 4> second(memory.data() + 4, 1);
    CHECK(Paths<float, 4>(first).same());
    CHECK(Paths<const float, 4>(first).values.data == memory.data());
    CHECK_FALSE(Paths<float, 4>(first, second).same());
}
