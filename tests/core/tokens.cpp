// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <type_traits>

#include <lamina/core/bfloat16.hpp>
#include <lamina/core/tokens.hpp>

#include "support/catch.hpp"

using namespace lamina;

// The width costs nothing at run time.
static_assert(sizeof(Tokens<float, 768>) == sizeof(float*) + sizeof(std::size_t));
static_assert(std::is_trivially_copyable_v<Tokens<bf16, 768>> && std::is_standard_layout_v<Tokens<bf16, 768>>);
static_assert(Tokens<const float, 768>::width == 768);
static_assert(std::is_same_v<Tokens<const float, 768>::value_type, float>);

// Writable converts to read-only; another width or scalar is another type.
static_assert(std::is_convertible_v<Tokens<float, 4>, Tokens<const float, 4>>);
static_assert(!std::is_constructible_v<Tokens<float, 4>, Tokens<const float, 4>>);
static_assert(!std::is_constructible_v<Tokens<float, 4>, Tokens<float, 3>>);
static_assert(!std::is_constructible_v<Tokens<const double, 4>, Tokens<float, 4>>);

static_assert(Extent{3, 7}.tokens() == 21);
static_assert(Extent{}.tokens() == 0);
static_assert(Extent{3, 7} == Extent{3, 7} && Extent{3, 7} != Extent{7, 3});

TEST_CASE("tokens are rows of a fixed width, one after the other", "[core]") {
    std::array<float, 12> values{};
    const Tokens<float, 4> tokens(values.data(), 3);
    CHECK((tokens.data() == values.data() && tokens.count() == 3 && tokens.size() == 12));
    CHECK(tokens.row(2) == values.data() + 8);

    const MatrixView<float> matrix = tokens.matrix();
    CHECK((matrix.data == values.data() && matrix.rows == 3 && matrix.cols == 4 && matrix.contiguous()));

    const Tokens<const float, 4> readable = tokens.first(2);
    CHECK((readable.data() == values.data() && readable.count() == 2));
}

TEST_CASE("tokens of nothing are empty, no tokens are not", "[core]") {
    std::array<float, 4> values{};
    CHECK(Tokens<float, 4>{}.empty());
    CHECK(Tokens<float, 4>{}.matrix().empty());
    CHECK_FALSE(Tokens<float, 4>(values.data(), 0).empty());
}
