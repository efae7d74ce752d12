// SPDX-License-Identifier: MIT
// Which types are tokenizers.
#include <lamina/text/tokenizer_concept.hpp>

#include "support/catch.hpp"

namespace {

using lamina::Token;
using lamina::text::Tokenizer;

struct SmallestTokenizer {
    void encode(std::string_view text, std::vector<Token>& tokens) const {
        tokens.insert(tokens.end(), text.size(), 0);
    }
    std::string decode(std::span<const Token> tokens) const { return std::string(tokens.size(), 'a'); }
    std::size_t vocab_size() const { return 2; }
    Token end_of_text() const { return 1; }
};
struct WithoutDecode {
    void encode(std::string_view, std::vector<Token>&) const {}
    std::size_t vocab_size() const { return 2; }
    Token end_of_text() const { return 1; }
};
struct WithoutEndOfText {
    void encode(std::string_view, std::vector<Token>&) const {}
    std::string decode(std::span<const Token>) const { return {}; }
    std::size_t vocab_size() const { return 2; }
};
struct EncodeNotConst {
    void encode(std::string_view, std::vector<Token>&) {}
    std::string decode(std::span<const Token>) const { return {}; }
    std::size_t vocab_size() const { return 2; }
    Token end_of_text() const { return 1; }
};
static_assert(Tokenizer<SmallestTokenizer>);
static_assert(!Tokenizer<WithoutDecode>);
static_assert(!Tokenizer<WithoutEndOfText>);
static_assert(!Tokenizer<EncodeNotConst>);
static_assert(!Tokenizer<int>);

struct WholeTokenizer : SmallestTokenizer {
    bool encodes_in_pieces() const { return false; }
};
static_assert(Tokenizer<WholeTokenizer>);
static_assert(lamina::text::encodes_in_pieces(SmallestTokenizer{}));

}  // namespace

TEST_CASE("the smallest tokenizer appends what it encodes", "[text]") {
    const SmallestTokenizer tokenizer;
    std::vector<Token> tokens = {1};
    tokenizer.encode("aaa", tokens);
    CHECK(tokens == std::vector<Token>{1, 0, 0, 0});
    CHECK(lamina::text::end_of_text_literal == "<|endoftext|>");
    CHECK_FALSE(lamina::text::encodes_in_pieces(WholeTokenizer{}));
}
