// SPDX-License-Identifier: MIT
// UTF-8 as the Unicode Standard has it, byte by byte.
#include <lamina/text/detail/utf8.hpp>

#include "support/catch.hpp"

using namespace lamina::text::detail;

namespace {

constexpr bool is(Character found, Utf8 state, std::size_t length) {
    return found.state == state && found.length == length;
}

static_assert(character_at("a", 0).code_point == U'a');
static_assert(character_at("\xC3\xA9", 0).code_point == U'\u00E9');
static_assert(character_at("\xE2\x82\xAC", 0).code_point == U'\u20AC');
static_assert(character_at("\xF4\x8F\xBF\xBF", 0).code_point == 0x10FFFF);

static_assert(is(character_at("\x80", 0), Utf8::invalid, 1), "a continuation byte starts nothing");
static_assert(is(character_at("\xC0\x80", 0), Utf8::invalid, 1), "overlong, two bytes");
static_assert(is(character_at("\xE0\x9F\x80", 0), Utf8::invalid, 1), "overlong, three bytes");
static_assert(is(character_at("\xF0\x8F\x80\x80", 0), Utf8::invalid, 1), "overlong, four bytes");
static_assert(is(character_at("\xED\xA0\x80", 0), Utf8::invalid, 1), "a surrogate");
static_assert(is(character_at("\xF4\x90\x80\x80", 0), Utf8::invalid, 1), "past U+10FFFF");
static_assert(is(character_at("\xF5\x80\x80\x80", 0), Utf8::invalid, 1));
static_assert(is(character_at("\xE2\x82q", 0), Utf8::invalid, 2), "the longest part that could have started one");
static_assert(is(character_at("\xF0\x9F\x98", 0), Utf8::cut_off, 3));

static_assert(character_before("a\xE2\x82\xAC", 4) == 1);
static_assert(character_before("a\x80", 2) == 1);
static_assert(character_before("\xC3\xA9", 2) == 0);

static_assert(valid_prefix("ab\xC3\xA9\xFFz") == 4);
static_assert(valid_prefix("") == 0);

static_assert(cut_off_tail("a\xF0\x9F\x98") == 3);
static_assert(cut_off_tail("\xE2\x82\xAC\xC3") == 1);
static_assert(cut_off_tail("\xE2\x82\xAC") == 0);
static_assert(cut_off_tail("a\x80") == 0 && cut_off_tail("\xFF") == 0 && cut_off_tail("") == 0);

}  // namespace

TEST_CASE("every code point survives UTF-8", "[text]") {
    for (char32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
        if (code_point >= 0xD800 && code_point <= 0xDFFF) continue;
        std::string text;
        append_utf8(code_point, text);
        const Character found = character_at(text, 0);
        if (found.code_point == code_point && is(found, Utf8::valid, text.size())) continue;
        FAIL("U+" << std::hex << static_cast<unsigned long>(code_point));
    }
    SUCCEED();
}
