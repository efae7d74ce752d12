// SPDX-License-Identifier: MIT
#include <lamina/eval/request.hpp>

#include <lamina/text/byte_tokenizer.hpp>

#include "eval/support.hpp"
#include "support/catch.hpp"

using namespace lamina::eval;
using lamina::Token;
using lamina::text::ByteTokenizer;

namespace {

// Bytes, but "ab" is one token and so is the literal of end-of-text.
struct MergingTokenizer : ByteTokenizer {
    static constexpr Token merged = 300;

    void encode(std::string_view text, std::vector<Token>& tokens) const {
        while (!text.empty()) {
            const bool ends = text.starts_with(lamina::text::end_of_text_literal);
            const bool merges = text.starts_with("ab");
            const std::size_t length = ends ? lamina::text::end_of_text_literal.size() : merges ? 2 : 1;
            tokens.push_back(ends ? end_of_text() : merges ? merged : static_cast<unsigned char>(text.front()));
            text.remove_prefix(length);
        }
    }
};

std::vector<Token> ids_of_bytes(std::string_view text) {
    std::vector<Token> tokens;
    ByteTokenizer().encode(text, tokens);
    return tokens;
}

std::size_t harness_tokens(const std::vector<QuestionRequests>& asked) {
    HarnessTokens tokens;
    for (const QuestionRequests& next : asked) tokens.add(next);
    return tokens.count();
}

void check_pair(const TokenPair& pair, const std::vector<Token>& context, const std::vector<Token>& continuation) {
    CHECK(pair.context == context);
    CHECK(pair.continuation == continuation);
}

}  // namespace

TEST_CASE("white space at a context's end belongs to the continuation") {
    const ByteTokenizer tokenizer;
    check_pair(encode_pair(tokenizer, "Q:", " yes"), ids_of_bytes("Q:"), ids_of_bytes(" yes"));
    check_pair(encode_pair(tokenizer, "Q: \n", " yes"), ids_of_bytes("Q:"), ids_of_bytes(" \n yes"));
    check_pair(encode_pair(tokenizer, "Q\u00a0\u2003", " y"), ids_of_bytes("Q"), ids_of_bytes("\u00a0\u2003 y"));
    check_pair(encode_pair(tokenizer, " Q", " y"), ids_of_bytes(" Q"), ids_of_bytes(" y"));
}

TEST_CASE("an empty context is end-of-text, unless the continuation begins with it") {
    const MergingTokenizer tokenizer;
    check_pair(encode_pair(tokenizer, "", " y"), {256}, ids_of_bytes(" y"));
    check_pair(encode_pair(tokenizer, " \n", " y"), {256}, ids_of_bytes(" \n y"));
    check_pair(encode_pair(tokenizer, "", "<|endoftext|>y"), {256}, ids_of_bytes("y"));
}

TEST_CASE("context and continuation are encoded together and parted by the context's count") {
    const MergingTokenizer tokenizer;
    check_pair(encode_pair(tokenizer, "xa", "bc"), ids_of_bytes("xa"), ids_of_bytes("c"));  // x, ab, c
    check_pair(encode_pair(tokenizer, "xa", "b"), ids_of_bytes("xa"), {});
    check_pair(encode_pair(tokenizer, "xab", "ab"), {'x', 300}, {300});
}

TEST_CASE("tokens of an empty continuation are not counted but refused") {
    HarnessTokens tokens;
    QuestionRequests asked{};
    asked.requests = {{.context = {1}, .continuations = {{}}}};
    CHECK_THROWS_AS(tokens.add(asked), lamina::ArgumentError);
}

TEST_CASE("choices that share a context are one request, and equal inputs are pushed once") {
    const Question letters{.context = "Answer:", .choices = {"A", "B", "C", "D"}};
    const QuestionRequests made = requests_of(ByteTokenizer(), letters, 1024);
    REQUIRE(made.requests.size() == 1);
    CHECK(made.requests[0].context == ids_of_bytes("Answer:"));
    REQUIRE(made.requests[0].continuations.size() == 4);
    CHECK(made.requests[0].continuations[2] == ids_of_bytes(" C"));
    REQUIRE(made.choices.size() == 4);
    CHECK(made.choices[2].request == 0);
    CHECK(made.choices[2].continuation == 2);
    CHECK(harness_tokens({made}) == 8);  // "Answer: " once
    CHECK(made.cut_off == 0);
}

TEST_CASE("an input that several questions have is pushed once") {
    const QuestionRequests first = requests_of(ByteTokenizer(), {.context = "Q", .choices = {"ab", "c"}}, 1024);
    const QuestionRequests second = requests_of(ByteTokenizer(), {.context = "Q", .choices = {"ac", "bc"}}, 1024);
    CHECK(harness_tokens({first}) == 3 + 2);              // "Q a", "Q "
    CHECK(harness_tokens({first, second}) == 3 + 2 + 3);  // and "Q b"
}

TEST_CASE("different inputs are pushed one by one") {
    const QuestionRequests made =
        requests_of(ByteTokenizer(), {.context = "Q", .choices = {"ab", "cd", "c", "ab"}}, 1024);
    CHECK(made.requests.size() == 1);
    CHECK(harness_tokens({made}) == 3 + 3 + 2);  // "Q a", "Q c", "Q "
}

TEST_CASE("a context loses its beginning where it and the choice do not fit") {
    // Eight positions: with the choice's last token, which is not put in, nine.
    const ByteTokenizer tokenizer;
    const QuestionRequests fits = requests_of(tokenizer, {.context = "123456", .choices = {"ab"}}, 8);
    CHECK(fits.requests[0].context == ids_of_bytes("123456"));
    CHECK(fits.cut_off == 0);

    const QuestionRequests made =
        requests_of(tokenizer, {.context = "0123456", .choices = {"ab", "xyz", "c", "cd"}}, 8);
    REQUIRE(made.requests.size() == 3);
    CHECK(made.requests[0].context == ids_of_bytes("123456"));
    CHECK(made.requests[1].context == ids_of_bytes("23456"));
    CHECK(made.requests[2].context == ids_of_bytes("0123456"));
    CHECK(made.requests[0].continuations == std::vector<std::vector<Token>>{ids_of_bytes(" ab"), ids_of_bytes(" cd")});
    CHECK(made.choices[3].request == 0);
    CHECK(made.choices[3].continuation == 1);
    CHECK(made.choices[1].request == 1);
    CHECK(made.cut_off == 3);
    CHECK(harness_tokens({made}) == 4 * 8);
}

TEST_CASE("a choice may fill the model's context, with one token before it, but not more") {
    const ByteTokenizer tokenizer;
    const QuestionRequests fits = requests_of(tokenizer, {.context = "01", .choices = {"1234567"}}, 8);
    CHECK(fits.requests[0].context == ids_of_bytes("1"));
    const Question longer{.context = "01", .choices = {"a", "12345678"}, .gold = 0, .where = "items: line 3"};
    CHECK(lamina_tests::error_text([&] { static_cast<void>(requests_of(tokenizer, longer, 8)); }) ==
          "items: line 3: choice 1 has 9 tokens, expected 1 to 8, the model's context");
    // Context and choice are two tokens, as many as the context alone.
    const Question vanishes{.context = "<|endoftext|>a", .choices = {"b"}, .gold = 0, .where = "items: line 4"};
    struct Spaceless : MergingTokenizer {
        void encode(std::string_view text, std::vector<Token>& tokens) const {
            std::string without(text);
            std::erase(without, ' ');
            MergingTokenizer::encode(without, tokens);
        }
    };
    CHECK(lamina_tests::error_text([&] { static_cast<void>(requests_of(Spaceless(), vanishes, 8)); }) ==
          "items: line 4: choice 0 has 0 tokens, expected 1 to 8, the model's context");
}
