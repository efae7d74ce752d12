// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <numeric>
#include <type_traits>

#include <lamina/core/bfloat16.hpp>
#include <lamina/core/matrix_view.hpp>

#include "support/catch.hpp"

using namespace lamina;

// A view is passed by value everywhere and to kernels: four words, nothing else.
static_assert(sizeof(MatrixView<float>) == sizeof(float*) + 3 * sizeof(std::size_t));
static_assert(std::is_trivially_copyable_v<MatrixView<bf16>> && std::is_standard_layout_v<MatrixView<bf16>>);
static_assert(std::is_same_v<MatrixView<const float>::value_type, float>);

// Writable converts to read-only, never back, and never to another scalar.
static_assert(std::is_convertible_v<MatrixView<float>, MatrixView<const float>>);
static_assert(!std::is_constructible_v<MatrixView<float>, MatrixView<const float>>);
static_assert(!std::is_constructible_v<MatrixView<const double>, MatrixView<float>>);

namespace {

/// 0, 1, 2, … in three rows of four.
struct ThreeByFour {
    std::array<float, 12> values{};
    ThreeByFour() { std::iota(values.begin(), values.end(), 0.0F); }
    MatrixView<float> view() { return {values.data(), 3, 4}; }
};

constexpr std::array<int, 6> constant{0, 1, 2, 3, 4, 5};
static_assert(MatrixView<const int>(constant.data(), 2, 3)(1, 2) == 5);
static_assert(MatrixView<const int>(constant.data(), 2, 3).columns(1, 2).middle_rows(1, 1)(0, 0) == 4);

}  // namespace

TEST_CASE("a view finds its elements row by row", "[core]") {
    ThreeByFour matrix;
    const MatrixView<float> view = matrix.view();
    CHECK(view.stride == 4);
    CHECK(view.size() == 12);
    CHECK(view(2, 1) == 9);
    CHECK(view.row(1) == matrix.values.data() + 4);
    view(2, 1) = -1;
    CHECK(matrix.values[9] == -1);
    const MatrixView<const float> readable = view;
    CHECK(readable(2, 1) == -1);
    CHECK(readable.data == view.data);
}

TEST_CASE("columns are a slice with the stride of the whole", "[core]") {
    ThreeByFour matrix;
    const MatrixView<float> slice = matrix.view().columns(1, 2);
    CHECK((slice.rows == 3 && slice.cols == 2 && slice.stride == 4));
    CHECK(slice(0, 0) == 1);
    CHECK(slice(2, 1) == 10);
    CHECK_FALSE(slice.contiguous());
    CHECK(slice.middle_rows(1, 1).contiguous());  // one row is contiguous whatever its stride
}

TEST_CASE("middle_rows are a slice of whole rows", "[core]") {
    ThreeByFour matrix;
    const MatrixView<float> slice = matrix.view().middle_rows(1, 2);
    CHECK((slice.rows == 2 && slice.cols == 4));
    CHECK(slice(0, 0) == 4);
    CHECK(slice.contiguous());
}

TEST_CASE("a slice past the end is a caller's bug, an empty one at the end is not", "[core]") {
    ThreeByFour matrix;
    const MatrixView<float> view = matrix.view();
    CHECK_THROWS_AS(view.columns(3, 2), ContractViolation);
    CHECK_THROWS_AS(view.columns(5, 0), ContractViolation);
    CHECK_THROWS_AS(view.middle_rows(1, 3), ContractViolation);
    CHECK(view.columns(4, 0).size() == 0);
    CHECK(view.middle_rows(3, 0).size() == 0);
}

TEST_CASE("a view of nothing is empty, a view of no elements is not", "[core]") {
    ThreeByFour matrix;
    CHECK(MatrixView<float>{}.empty());
    CHECK(MatrixView<float>{}.size() == 0);
    CHECK_FALSE(MatrixView<float>(matrix.values.data(), 0, 4).empty());
}

TEST_CASE("a vector is one row, or the same row many times", "[core]") {
    ThreeByFour matrix;
    const MatrixView<float> one = row_view(matrix.values.data(), 12);
    CHECK((one.rows == 1 && one.cols == 12 && one(0, 11) == 11));
    const MatrixView<float> many = repeated_row(matrix.values.data(), 1000, 4);
    CHECK((many.rows == 1000 && many.cols == 4 && many.stride == 0));
    CHECK(many(999, 3) == 3);
    CHECK_FALSE(many.contiguous());
}
