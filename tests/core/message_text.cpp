// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <lamina/core/message_text.hpp>

#include "support/catch.hpp"

using lamina::in_quotes;
using lamina::printable;
using lamina::shape_text;

TEST_CASE("text for a message is one line of ASCII, whatever it holds") {
    CHECK(printable("h.0.ln_1 ~") == "h.0.ln_1 ~");
    CHECK(printable("a\nb\x1B[2J") == "a\\x0ab\\x1b[2J");
    CHECK(printable(std::string("\0\x7F\xC3\xA9", 4)) == "\\x00\\x7f\\xc3\\xa9");
    CHECK(printable("").empty());
}

TEST_CASE("text for a message is cut where it would fill the screen") {
    const std::string longest(160, 'x');
    CHECK(printable(longest) == longest);
    CHECK(printable(longest + "x") == longest + "...");
    CHECK(in_quotes(longest + "x") == "\"" + longest + "...\"");
    CHECK(printable("\xFF\xFF\xFF", 2) == "\\xff\\xff...");
}

TEST_CASE("quoted text and shapes read as in the messages") {
    CHECK(in_quotes("wte.weight") == "\"wte.weight\"");
    CHECK(shape_text(std::vector<std::size_t>{}) == "[]");
    CHECK(shape_text(std::vector<std::size_t>{2, 3}) == "[2, 3]");
    CHECK(shape_text(std::vector<std::size_t>(9, 1)) == "[1, 1, 1, 1, 1, 1, 1, 1, ...]");
}
