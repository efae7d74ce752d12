// SPDX-License-Identifier: MIT
// What a token store is, and the one in memory.
#include <lamina/text/token_store.hpp>

#include "support/catch.hpp"

using lamina::Token;
using lamina::text::TokenMemory;
using lamina::text::TokenStore;

namespace {

struct SmallestStore {
    std::size_t size() const { return 0; }
    void copy(std::size_t, std::span<Token>) const {}
};
struct WithoutCopy {
    std::size_t size() const { return 0; }
};
struct WithoutSize {
    void copy(std::size_t, std::span<Token>) const {}
};
static_assert(TokenStore<SmallestStore>);
static_assert(!TokenStore<WithoutCopy> && !TokenStore<WithoutSize>);
static_assert(!TokenStore<std::vector<Token>>);

}  // namespace

TEST_CASE("tokens in memory can be copied from any place", "[text]") {
    const TokenMemory store({5, 6, 7, 8});
    std::vector<Token> out(2);
    store.copy(1, out);
    CHECK(out == std::vector<Token>{6, 7});
    CHECK(store.size() == 4);
    CHECK_NOTHROW(store.copy(2, out));
    CHECK_NOTHROW(store.copy(4, {}));
    CHECK_THROWS_AS(store.copy(3, out), lamina::ArgumentError);
    CHECK_THROWS_WITH(store.copy(3, out), "lamina: TokenMemory::copy: 2 tokens from place 3 on, but there are 4");
    for (const std::size_t first : std::vector<std::size_t>{5, static_cast<std::size_t>(-1)}) {
        CHECK_THROWS_AS(store.copy(first, {}), lamina::ArgumentError);
        CHECK_THROWS_AS(store.copy(first, out), lamina::ArgumentError);
    }
}
