// SPDX-License-Identifier: MIT
#include <lamina/text/utf8_stream.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

using lamina::text::Utf8Stream;
using lamina::text::valid_utf8;

TEST_CASE("a character comes out when its last byte is there", "[text]") {
    Utf8Stream stream;
    CHECK(stream.push("a\xE2") == "a");
    CHECK(stream.push("\x82") == "");
    CHECK(stream.push("\xAC!") == "\xE2\x82\xAC!");
    CHECK(stream.push("") == "");
    CHECK(stream.finish() == "");
}

TEST_CASE("what can become no character is replaced at once, what is cut off at the end", "[text]") {
    Utf8Stream stream;
    CHECK(stream.push("\xFF"
                      "b") ==
          "\xEF\xBF\xBD"
          "b");
    CHECK(stream.push("\xF0\x9F\x98") == "");
    CHECK(stream.push("x") == "\xEF\xBF\xBDx");
    CHECK(stream.push("\xC3") == "");
    CHECK(stream.finish() == "\xEF\xBF\xBD");
    CHECK(stream.finish() == "");
}

TEST_CASE("pieces put together are valid_utf8 of the whole, wherever it is cut", "[text]") {
    // Bytes that begin, continue and break characters.
    constexpr std::string_view alphabet = "a\x80\xBF\xC3\xE0\xA0\xE2\x82\xAC\xED\xF0\x90\x9F\xF4\xFF";
    std::mt19937 engine(3);
    for (int round = 0; round < 3000; ++round) {
        std::string bytes;
        for (std::size_t length = engine() % 12; length > 0; --length) bytes += alphabet[engine() % alphabet.size()];
        Utf8Stream stream;
        std::string text;
        for (std::string_view rest = bytes; !rest.empty();) {
            const std::size_t count = 1 + engine() % rest.size();
            text += stream.push(rest.substr(0, count));
            CHECK(valid_utf8(text) == text);
            rest.remove_prefix(count);
        }
        REQUIRE(text + stream.finish() == valid_utf8(bytes));
    }
}
