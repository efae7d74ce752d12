// SPDX-License-Identifier: MIT
#include <lamina/text/token_slice.hpp>

#include <lamina/core/error.hpp>
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
    CHECK_NOTHROW(slice.copy(0, longer));
    CHECK_THROWS_AS(slice.copy(1, longer), lamina::ArgumentError);
    CHECK_THROWS_WITH(slice.copy(1, longer), "lamina: TokenSlice::copy: 3 tokens from place 1 on, but there are 3");
    CHECK_NOTHROW(TokenSlice(store, 3, 2));
    CHECK_THROWS_AS(TokenSlice(store, 3, 3), lamina::ArgumentError);
    CHECK_THROWS_WITH(TokenSlice(store, 3, 3), "lamina: TokenSlice: 3 tokens from place 3 on, but there are 5");
    CHECK_THROWS_AS(TokenSlice(store, 2, static_cast<std::size_t>(-1)), lamina::ArgumentError);
}
