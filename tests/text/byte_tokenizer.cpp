// SPDX-License-Identifier: MIT
// The byte tokenizer gives back every byte.
#include <lamina/text/byte_tokenizer.hpp>

#include "support/catch.hpp"

using Catch::Matchers::Contains;
using lamina::Token;
using lamina::text::ByteTokenizer;

static_assert(ByteTokenizer::vocab_size() == 257 && ByteTokenizer::end_of_text() == 256);

TEST_CASE("the byte tokenizer maps every byte to its own value and back", "[text]") {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    std::vector<Token> tokens = {256};
    ByteTokenizer{}.encode(bytes, tokens);
    REQUIRE(tokens.size() == 257);
    for (Token byte = 0; byte < 256; ++byte) CHECK(tokens[static_cast<std::size_t>(byte) + 1] == byte);
    CHECK(ByteTokenizer{}.decode(std::span(tokens).subspan(1)) == bytes);
    CHECK(ByteTokenizer{}.encode(bytes) == std::vector<Token>(tokens.begin() + 1, tokens.end()));
}

TEST_CASE("the byte tokenizer decodes end-of-text as its literal", "[text]") {
    const std::vector<Token> tokens = {'a', 256, 'b'};
    CHECK(ByteTokenizer{}.decode(tokens) == "a<|endoftext|>b");
}

TEST_CASE("the byte tokenizer names a token that it does not have", "[text]") {
    CHECK_THROWS_AS(ByteTokenizer{}.decode(std::vector<Token>{257}), lamina::ArgumentError);
    CHECK_THROWS_WITH(ByteTokenizer{}.decode(std::vector<Token>{-100}),
                      "token -100 is not in the byte vocabulary of 257");
}
