// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/indices.hpp>

#include <cstddef>
#include <vector>

#include <lamina/core/token.hpp>

#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;

TEST_CASE("indices on the device are checked one by one", "[cuda][indices]") {
    Context context(0);
    const std::vector<Token> ids{0, 10, 3};
    CHECK(all_below(context, ids.data(), 3, 11));
    CHECK_FALSE(all_below(context, ids.data(), 3, 10));
    CHECK(all_below(context, ids.data(), 1, 1));
    const std::vector<Token> negative{0, -1};
    CHECK_FALSE(all_below(context, negative.data(), 2, 50257));
    const std::vector<std::size_t> rows{0, std::size_t{1} << 40U};
    CHECK_FALSE(all_below(context, rows.data(), 2, 100));
    CHECK(all_below(context, rows.data(), 2, (std::size_t{1} << 40U) + 1));
    CHECK(all_below<Token>(context, nullptr, 0, 0));
}

TEST_CASE("nothing is read back while operations are recorded", "[cuda][indices]") {
    Context context(0);
    context.recording = true;
    const std::vector<Token> negative{-1};
    CHECK(all_below(context, negative.data(), 1, 1));
}
