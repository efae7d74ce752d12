// SPDX-License-Identifier: MIT
#include <lamina/backend/request/common.hpp>

#include <lamina/core/bfloat16.hpp>

#include "backend/request/shown.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <type_traits>

using namespace lamina;
using namespace lamina_tests;

static_assert(std::is_same_v<ComputeOf<double>, double> && std::is_same_v<ComputeOf<const double>, double>);
static_assert(std::is_same_v<ComputeOf<float>, float> && std::is_same_v<ComputeOf<bf16>, float>);

TEST_CASE("views have one shape where rows and columns agree, known to the type or not", "[request]") {
    constexpr Rows<float, 4> known = typed<float, 4>(3);
    STATIC_REQUIRE(detail::same_shape(known, matrix<bf16>(3, 4)));
    STATIC_REQUIRE(detail::same_shape(known, Rows<const double, 4>(nullptr, 3)));
    STATIC_REQUIRE_FALSE(detail::same_shape(known, matrix<float>(2, 4)));
    STATIC_REQUIRE_FALSE(detail::same_shape(known, matrix<float>(3, 5)));
    STATIC_REQUIRE_FALSE(detail::same_shape(known, typed<float, 3>(3)));

    STATIC_REQUIRE(detail::absent_or_shaped_like(Rows<float, 4>{}, known));
    STATIC_REQUIRE(detail::absent_or_shaped_like(matrix<float>(3, 4), known));
    STATIC_REQUIRE_FALSE(detail::absent_or_shaped_like(matrix<float>(4, 4), known));
}

TEST_CASE("a vector has a number per row, one after the other", "[request]") {
    constexpr Rows<float, 1> with_gaps(places<float>.data(), 3, 1, 2);
    STATIC_REQUIRE(detail::one_per_row(column<float>(3), 3));
    STATIC_REQUIRE_FALSE(detail::one_per_row(column<float>(3), 4));
    STATIC_REQUIRE_FALSE(detail::one_per_row(with_gaps, 3));
    STATIC_REQUIRE(detail::one_per_row(with_gaps.first_rows(1), 1));
    STATIC_REQUIRE_FALSE(detail::one_per_row(Rows<float, 1>{}, 3));
    STATIC_REQUIRE(detail::absent_or_one_per_row(Rows<float, 1>{}, 3));
    STATIC_REQUIRE_FALSE(detail::absent_or_one_per_row(column<float>(2), 3));
}

TEST_CASE("a vector has a number per column, in its one row", "[request]") {
    STATIC_REQUIRE(detail::one_per_column(typed<float, 4>(1), 4));
    STATIC_REQUIRE_FALSE(detail::one_per_column(typed<float, 4>(2), 4));
    STATIC_REQUIRE_FALSE(detail::one_per_column(matrix<float>(1, 3), 4));
    STATIC_REQUIRE_FALSE(detail::one_per_column(MatrixView<float>{}, 4));
    STATIC_REQUIRE(detail::absent_or_one_per_column(MatrixView<float>{}, 4));
    STATIC_REQUIRE_FALSE(detail::absent_or_one_per_column(typed<float, 4>(2), 4));
}

TEST_CASE("bytes are those of the scalars that are shown, whatever lies between them", "[request]") {
    STATIC_REQUIRE(detail::bytes_of() == 0);
    STATIC_REQUIRE(detail::bytes_of(typed<float, 4>(3)) == 48);
    STATIC_REQUIRE(detail::bytes_of(MatrixView<bf16>(places<bf16>.data(), 3, 4, 99)) == 24);
    STATIC_REQUIRE(detail::bytes_of(typed<float, 4>(3), MatrixView<float>(nullptr, 5, 5), column<double>(2)) == 64);
    STATIC_REQUIRE(detail::bytes_as<bf16>(typed<float, 4>(3)) == 24);
    STATIC_REQUIRE(detail::bytes_as<bf16>(Rows<float, 4>(nullptr, 3)) == 0);
    STATIC_REQUIRE(detail::bytes_written(typed<float, 4>(3), Write::overwrite) == 48);
    STATIC_REQUIRE(detail::bytes_written(typed<float, 4>(3), Write::accumulate) == 96);
}

TEST_CASE("a product multiplies and adds as often as it has factors", "[request]") {
    STATIC_REQUIRE(detail::product_flops(2, 3, 5) == 60);
    STATIC_REQUIRE(detail::product_flops(std::size_t{1} << 30U, std::size_t{1} << 30U, 4) == 0x1p63);
}
