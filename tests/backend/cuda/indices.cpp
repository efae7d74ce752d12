// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/indices.hpp>

#include <cstddef>
#include <vector>

#include <lamina/core/rows.hpp>
#include <lamina/core/token.hpp>

#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;

TEST_CASE("indices on the device are checked one by one", "[cuda][indices]") {
    Context context(0);
    const std::vector<Token> id_memory{0, 10, 3};
    const Rows<const Token, 1> ids(id_memory.data(), 3);
    CHECK(all_below(context, ids, 11));
    CHECK_FALSE(all_below(context, ids, 10));
    CHECK(all_below(context, ids.first_rows(1), 1));
    const std::vector<Token> negative{0, -1};
    CHECK_FALSE(all_below(context, Rows<const Token, 1>(negative.data(), 2), 50257));
    const std::vector<std::size_t> row_memory{0, std::size_t{1} << 40U};
    const Rows<const std::size_t, 1> rows(row_memory.data(), 2);
    CHECK_FALSE(all_below(context, rows, 100));
    CHECK(all_below(context, rows, (std::size_t{1} << 40U) + 1));
    CHECK(all_below(context, Rows<const Token, 1>(), 0));
}

TEST_CASE("nothing is read back while operations are recorded", "[cuda][indices]") {
    Context context(0);
    context.recording = true;
    const std::vector<Token> negative{-1};
    CHECK(all_below(context, Rows<const Token, 1>(negative.data(), 1), 1));
}
