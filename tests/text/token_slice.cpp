// SPDX-License-Identifier: MIT
#include <lamina/text/token_slice.hpp>

#include <lamina/core/expects.hpp>
#include <lamina/core/token.hpp>

#include "support/catch.hpp"

#include <vector>

using lamina::Token;
using lamina::text::TokenMemory;
using lamina::text::TokenSlice;

static_assert(lamina::text::TokenStore<TokenSlice<TokenMemory>>);

TEST_CASE("a token slice shows its part of the store and nothing else") {
    const TokenMemory store({10, 11, 12, 13, 14});
    const TokenSlice slice(store, 1, 3);
    std::vector<Token> out(2);
    slice.copy(1, out);
    CHECK(slice.size() == 3);
    CHECK(out == std::vector<Token>{12, 13});
    std::vector<Token> longer(3);
    CHECK_THROWS_AS(slice.copy(1, longer), lamina::ContractViolation);
    CHECK_THROWS_AS(TokenSlice(store, 3, 3), lamina::ContractViolation);
}
