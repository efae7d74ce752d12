// SPDX-License-Identifier: MIT
// Any bytes become UTF-8, and UTF-8 stays as it is.
#include <lamina/text/valid_utf8.hpp>

#include <lamina/text/detail/utf8.hpp>

#include "support/catch.hpp"

#include <random>
#include <string>

using lamina::text::valid_utf8;

TEST_CASE("valid text is left as it is", "[text]") {
    for (const std::string text : {"", "plain\n\tand \x1B", "\u00E9 \u20AC \U0001F600 \uFFFD"})
        CHECK(valid_utf8(text) == text);
    CHECK(valid_utf8(std::string(3, '\0')) == std::string(3, '\0'));
}

TEST_CASE("each longest invalid stretch becomes one mark", "[text]") {
    CHECK(valid_utf8("a\xFFz") == "a\uFFFDz");
    CHECK(valid_utf8("\x80\x80") == "\uFFFD\uFFFD");
    CHECK(valid_utf8("\xC0\xAF") == "\uFFFD\uFFFD");
    CHECK(valid_utf8("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");
    CHECK(valid_utf8("\xE2\x82z") == "\uFFFDz");
    CHECK(valid_utf8("\xF0\x9F\x98") == "\uFFFD");
    // The example of the Unicode Standard 15, table 3-8.
    CHECK(valid_utf8("a\xF1\x80\x80\xE1\x80\xC2"
                     "b\x80"
                     "c\x80\xBF"
                     "d") == "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd");
}

TEST_CASE("any bytes become valid text", "[text]") {
    std::mt19937 random(3);
    for (int round = 0; round < 1000; ++round) {
        std::string bytes(random() % 50, '\0');
        for (char& byte : bytes)
            byte = static_cast<char>(round % 2 == 0 ? random() & 0xFFU : 0x80U | (random() & 0x7FU));
        const std::string text = valid_utf8(bytes);
        CHECK(lamina::text::detail::valid_prefix(text) == text.size());
    }
}
