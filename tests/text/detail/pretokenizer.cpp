// SPDX-License-Identifier: MIT
// Where GPT-2's pattern cuts.
#include <lamina/text/detail/pretokenizer.hpp>

#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace lamina::text::detail;

namespace {

std::vector<std::string> pretokenised(std::string_view text) {
    std::vector<std::string> found;
    while (!text.empty()) {
        const std::size_t length = first_piece_length(text);
        found.emplace_back(text.substr(0, length));
        text.remove_prefix(length);
    }
    return found;
}

using Pieces = std::vector<std::string>;

}  // namespace

TEST_CASE("words, numbers and the rest are separate pieces that take one space with them", "[text]") {
    CHECK(pretokenised("Hello, world 42!") == Pieces{"Hello", ",", " world", " 42", "!"});
    CHECK(pretokenised("abc123+-x") == Pieces{"abc", "123", "+-", "x"});
    CHECK(pretokenised(" \"quoted\"") == Pieces{" \"", "quoted", "\""});
}

TEST_CASE("contractions are pieces in lower case only", "[text]") {
    CHECK(pretokenised("I'll we've it's I'm he'd don't you're") ==
          Pieces{"I", "'ll", " we", "'ve", " it", "'s", " I", "'m", " he", "'d", " don", "'t", " you", "'re"});
    CHECK(pretokenised("I'LL") == Pieces{"I", "'", "LL"});
    CHECK(pretokenised("''s") == Pieces{"''", "s"});
    CHECK(pretokenised(" 's") == Pieces{" '", "s"});
    CHECK(pretokenised("'l") == Pieces{"'", "l"});
    CHECK(pretokenised("'") == Pieces{"'"});
}

TEST_CASE("white space before a word gives up its last character", "[text]") {
    CHECK(pretokenised("a  b") == Pieces{"a", " ", " b"});
    CHECK(pretokenised("a\n\nb") == Pieces{"a", "\n", "\n", "b"});
    CHECK(pretokenised("a \n b") == Pieces{"a", " \n", " b"});
    CHECK(pretokenised("\t\tx") == Pieces{"\t", "\t", "x"});
    CHECK(pretokenised("a\u2003\u3000b") == Pieces{"a", "\u2003", "\u3000", "b"});
    CHECK(pretokenised(" ") == Pieces{" "});
}

TEST_CASE("white space at the end of the text stays whole", "[text]") {
    CHECK(pretokenised("a \n\n") == Pieces{"a", " \n\n"});
    CHECK(pretokenised(".\n\n") == Pieces{".", "\n\n"});
}

TEST_CASE("character classes follow Unicode", "[text]") {
    CHECK(pretokenised("\u00B2\u2167\u0661") == Pieces{"\u00B2\u2167\u0661"});  // superscript, Roman, Arabic: numbers
    CHECK(pretokenised("caf\u00E9\u4F60") == Pieces{"caf\u00E9\u4F60"});        // letters
    CHECK(pretokenised("e\u0301") == Pieces{"e", "\u0301"});                    // a combining mark is no letter
    CHECK(pretokenised("a\u0085\u00A0") == Pieces{"a", "\u0085\u00A0"});        // white space
    CHECK(pretokenised("a\u001C\u200B\uFEFF") == Pieces{"a", "\u001C\u200B\uFEFF"});  // none of these is white space
}

TEST_CASE("bytes that are not UTF-8 are neither letters nor numbers nor space", "[text]") {
    CHECK(pretokenised("a\xFF\xC3 b") == Pieces{"a", "\xFF\xC3", " b"});
    CHECK(pretokenised(" \xE2\x82") == Pieces{" \xE2\x82"});
}
