// SPDX-License-Identifier: MIT
// Blocks of a fixed length, with or without a shared token.
#include <lamina/text/blocks.hpp>

#include "support/catch.hpp"

#include <range/v3/range/concepts.hpp>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/take.hpp>
#include <range/v3/view/transform.hpp>

using Catch::Matchers::Contains;
using lamina::Token;
using lamina::text::blocks;
using lamina::text::BlockShape;

using Blocks = std::vector<std::vector<Token>>;

namespace {

Blocks cut(Token count, BlockShape shape) {
    Blocks found;
    for (const std::span<const Token> block : ranges::views::iota(Token{0}, count) | blocks(shape)) {
        found.emplace_back(block.begin(), block.end());
    }
    return found;
}

}  // namespace

TEST_CASE("a stream is cut into whole blocks and the rest is dropped", "[text]") {
    CHECK(cut(8, {.length = 3}) == Blocks{{0, 1, 2}, {3, 4, 5}});
    CHECK(cut(9, {.length = 3}) == Blocks{{0, 1, 2}, {3, 4, 5}, {6, 7, 8}});
    CHECK(cut(3, {.length = 1}) == Blocks{{0}, {1}, {2}});
}

TEST_CASE("blocks that overlap share their tokens", "[text]") {
    CHECK(cut(7, {.length = 3, .overlap = 1}) == Blocks{{0, 1, 2}, {2, 3, 4}, {4, 5, 6}});
    CHECK(cut(6, {.length = 3, .overlap = 1}) == Blocks{{0, 1, 2}, {2, 3, 4}});
    CHECK(cut(5, {.length = 3, .overlap = 2}) == Blocks{{0, 1, 2}, {1, 2, 3}, {2, 3, 4}});
}

TEST_CASE("a stream shorter than one block is an error with both lengths", "[text]") {
    CHECK_THROWS_AS(cut(5, {.length = 6}), lamina::Error);
    CHECK_THROWS_WITH(cut(5, {.length = 6}), "the corpus has 5 tokens, one block takes 6");
    CHECK_THROWS_WITH(cut(0, {.length = 6}), "the corpus has 0 tokens, one block takes 6");
}

TEST_CASE("an overlap as long as the block is refused in one sentence", "[text]") {
    CHECK_THROWS_AS(cut(5, {.length = 2, .overlap = 2}), lamina::ArgumentError);
    CHECK_THROWS_WITH(cut(5, {.length = 2, .overlap = 2}),
                      "lamina: blocks: an overlap of 2 tokens, expected fewer than the block's 2");
    CHECK_THROWS_AS(cut(5, {.length = 0}), lamina::ArgumentError);
}

TEST_CASE("only the tokens of the blocks taken are read", "[text]") {
    Token read = 0;
    auto counted = ranges::views::iota(Token{0}) | ranges::views::transform([&read](Token token) {
                       ++read;
                       return token;
                   });
    auto cut_lazily = counted | blocks({.length = 10, .overlap = 1});
    static_assert(ranges::view_<decltype(cut_lazily)> && ranges::input_range<decltype(cut_lazily)>);
    CHECK(read == 0);
    auto at = ranges::begin(cut_lazily);
    CHECK(read == 10);
    ++at;
    CHECK(read == 19);
    CHECK((*at)[0] == 9);
}
