// SPDX-License-Identifier: MIT
// Added tokens in texts: which are found where, and what they take along. The vectors of byte_level/ go further.
#include <lamina/text/detail/added_tokens.hpp>

#include "support/catch.hpp"

#include <string>
#include <string_view>
#include <vector>

using namespace lamina::text::detail;

namespace {

/// The parts of a text, tokens as their ids in braces.
std::string parts(const AddedTokens& tokens, std::string_view text, CountedTokens counted = {}) {
    std::string result;
    tokens.split(
        text, counted, [&](std::string_view between) { result += "(" + std::string(between) + ")"; },
        [&](lamina::Token token) { result += "{" + std::to_string(token) + "}"; });
    return result;
}

}  // namespace

TEST_CASE("without added tokens a text is one part, and an empty one none", "[text]") {
    CHECK(parts(AddedTokens(), "abc") == "(abc)");
    CHECK(parts(AddedTokens(), "").empty());
}

TEST_CASE("the longest token at the first place is taken", "[text]") {
    const AddedTokens tokens({{.content = "ab", .id = 1}, {.content = "abc", .id = 2}, {.content = "b", .id = 3}});
    CHECK(parts(tokens, "xabcab bxa") == "(x){2}{1}( ){3}(xa)");
    CHECK(parts(tokens, "abc", {.below = 2}) == "{1}(c)");
    CHECK(parts(tokens, "abc", {.except = 2}) == "{1}(c)");
    CHECK(parts(tokens, "abc", {.below = 0}) == "(abc)");
}

TEST_CASE("a token may take white space along, but not what another has taken", "[text]") {
    const AddedTokens left({{.content = "<l>", .id = 1, .lstrip = true}});
    CHECK(parts(left, "a \t<l> \u3000<l>b") == "(a){1}{1}(b)");
    const AddedTokens right({{.content = "<r>", .id = 2, .rstrip = true}});
    CHECK(parts(right, "a <r>\u2003\n b<r>") == "(a ){2}(b){2}");
    const AddedTokens both({{.content = "<r>", .id = 2, .rstrip = true}, {.content = "<l>", .id = 1, .lstrip = true}});
    CHECK(parts(both, "<r>  <l>") == "{2}{1}");
}

TEST_CASE("a single word stands alone, and what is none is passed over whole", "[text]") {
    const AddedTokens tokens({{.content = "ab", .id = 1, .single_word = true}, {.content = "b", .id = 2}});
    CHECK(parts(tokens, "ab") == "{1}");
    CHECK(parts(tokens, "-ab.") == "(-){1}(.)");
    CHECK(parts(tokens, "abb") == "(ab){2}");
    for (const char* const word : {"x", "1", "_", "\u00E9", "\u0301", "\u0663", "\u24B6", "\u200D", "\u2160"}) {
        CAPTURE(word);
        CHECK(parts(tokens, std::string("ab") + word) == "(ab" + std::string(word) + ")");
        CHECK(parts(tokens, std::string(word) + "ab") == "(" + std::string(word) + "ab)");
    }
    for (const char* const other : {" ", "\u00A0", "\u2026", "\u00B2", "\u00A9", "\x80", "\xE2\x82"}) {
        CAPTURE(other);
        CHECK(parts(tokens, std::string("ab") + other) == "{1}(" + std::string(other) + ")");
    }
}
