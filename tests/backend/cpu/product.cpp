// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/product.hpp>

#include <vector>

#include "support/catch.hpp"

using lamina::MatrixView;
using lamina::Transpose;
using lamina::cpu::Operand;

TEST_CASE("a transposed operand has its sizes and its parts the other way round") {
    const std::vector<float> values{0, 1, 2, 3, 4, 5};
    const Operand<const float> plain{{values.data(), 2, 3}};
    const Operand<const float> transposed{{values.data(), 2, 3}, Transpose::yes};
    CHECK(plain.rows() == 2);
    CHECK(plain.cols() == 3);
    CHECK(transposed.rows() == 3);
    CHECK(transposed.cols() == 2);

    const auto row = plain.middle_rows(1, 1);  // 3 4 5
    CHECK(row.rows() == 1);
    CHECK(row.stored(0, 2) == 5);
    const auto col = plain.columns(1, 1);  // 1 4
    CHECK(col.cols() == 1);
    CHECK(col.stored(1, 0) == 4);

    const auto transposed_row = transposed.middle_rows(1, 1);  // 1 4
    CHECK(transposed_row.rows() == 1);
    CHECK(transposed_row.cols() == 2);
    CHECK(transposed_row.stored(1, 0) == 4);
    const auto transposed_col = transposed.columns(1, 1);  // 3 4 5
    CHECK(transposed_col.rows() == 3);
    CHECK(transposed_col.cols() == 1);
    CHECK(transposed_col.stored(0, 2) == 5);
}
