// SPDX-License-Identifier: MIT
#include <lamina/eval/pile.hpp>

#include <lamina/text/byte_tokenizer.hpp>

#include "eval/support.hpp"
#include "support/catch.hpp"

using namespace lamina::eval;
using lamina::Token;
using lamina::text::ByteTokenizer;
using lamina_tests::error_of_file;

namespace {

// Ten rows "0" to "9", three of which are of sets that are left out, and one without metadata. numpy shuffles them
// into 5 6 0 7 3 2 4 9 1 8.
constexpr std::string_view ten_rows = R"({"text": "0", "meta": {"pile_set_name": "Pile-CC"}}
{"text": "1", "meta": {"pile_set_name": "Github"}}
{"text": "2", "meta": {"pile_set_name": "OpenWebText2"}}
{"text": "3", "meta": {}}
{"text": "4", "meta": null}
{"text": "5", "meta": {"pile_set_name": "openwebtext2"}}
{"text": "6", "meta": {"pile_set_name": "Books3"}}
{"text": "7"}
{"text": "8", "meta": {"pile_set_name": "Pile-CC"}}
{"text": "9", "meta": {"pile_set_name": "BookCorpus2"}}
)";

// The blocks' text, with a full stop for the end of a text.
std::string blocks_of(const PileOptions& options) {
    const lamina_tests::ScratchFolder folder;
    std::string text;
    for (const Token token : pile_blocks(lamina_tests::write(folder / "rows", ten_rows), ByteTokenizer(), options)) {
        text += token == ByteTokenizer::end_of_text() ? '.' : static_cast<char>(token);
    }
    return text;
}

std::string error_in_pile(std::string_view text) {
    return error_of_file(
        text, [](const std::filesystem::path& path) { return pile_blocks(path, ByteTokenizer(), {.block = 8}); });
}

}  // namespace

TEST_CASE("the Pile is shuffled, filtered, ended text by text, and cut into whole blocks") {
    CHECK(blocks_of({.block = 2}) == "5.0.7.3.4.1.8.");
    CHECK(blocks_of({.block = 4}) == "5.0.7.3.4.1.");
    CHECK(blocks_of({.block = 3}) == "5.0.7.3.4.1.");
    CHECK(blocks_of({.block = 3, .most_blocks = 2}) == "5.0.7.");
    CHECK(blocks_of({.block = 14}) == "5.0.7.3.4.1.8.");
    CHECK(blocks_of({.block = 2, .most_blocks = static_cast<std::size_t>(-1) / 2 + 1}) == "5.0.7.3.4.1.8.");
    CHECK_THROWS_AS(blocks_of({.block = 0}), lamina::ArgumentError);
    CHECK_THROWS_WITH(blocks_of({.block = 0}), "lamina: pile_blocks: a block of 0 tokens, expected at least one");
}

TEST_CASE("bad rows of the Pile are refused with file, line and field") {
    CHECK(error_in_pile("{\"text\": \"1234567\"}") == "no error");
    CHECK(error_in_pile("{\"text\": \"123456\"}") == "items: has 7 tokens that count, expected at least a block of 8");
    CHECK(error_in_pile("{\"text\": \"a\", \"meta\": \"Books3\"}") ==
          "items: line 1: field \"meta\" is the string \"Books3\", expected an object");
    CHECK(error_in_pile("{\"text\": \"a\", \"meta\": {\"pile_set_name\": 3}}") ==
          "items: line 1: field \"meta.pile_set_name\" is 3, expected a string");
    CHECK(error_in_pile("{\"meta\": {}}") == "items: line 1: field \"text\" is missing");
    CHECK(error_in_pile("{\"text\": \"12345678\"}\n{\"text\": ") == "items: line 2: is not JSON in UTF-8, at byte 10");
}
