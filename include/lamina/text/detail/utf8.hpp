// SPDX-License-Identifier: MIT
// UTF-8, one character at a time, over bytes that may not be UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lamina::text::detail {

enum class Utf8 { valid, invalid, cut_off };

/// What stands at one place of a text. `length` is in bytes and at least 1; for `invalid` it spans the longest prefix
/// of a character (Unicode's "maximal subpart"), for `cut_off` all that is left of a text that ends within a character.
struct Character {
    char32_t code_point = 0;
    std::size_t length = 1;
    Utf8 state = Utf8::invalid;
};

/// The character at `at`, which must be inside `text`. Overlong forms, surrogates and values past U+10FFFF are invalid.
/// source   The Unicode Standard 15, table 3-7
[[nodiscard]] constexpr Character character_at(std::string_view text, std::size_t at) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(at);
    if (lead < 0x80) return {.code_point = lead, .length = 1, .state = Utf8::valid};
    if (lead < 0xC2 || lead > 0xF4) return {};

    const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    unsigned lowest = 0x80;
    unsigned highest = 0xBF;
    if (lead == 0xE0) lowest = 0xA0;
    if (lead == 0xED) highest = 0x9F;
    if (lead == 0xF0) lowest = 0x90;
    if (lead == 0xF4) highest = 0x8F;

    char32_t code_point = lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if (at + i == text.size()) return {.code_point = 0, .length = i, .state = Utf8::cut_off};
        const unsigned next = byte(at + i);
        if (next < lowest || next > highest) return {.code_point = 0, .length = i, .state = Utf8::invalid};
        code_point = (code_point << 6) | (next & 0x3FU);
        lowest = 0x80;
        highest = 0xBF;
    }
    return {.code_point = code_point, .length = length, .state = Utf8::valid};
}

/// Where the last character before `at` starts; `at` must be positive. A stray continuation byte is its own character.
[[nodiscard]] constexpr std::size_t character_before(std::string_view text, std::size_t at) {
    for (std::size_t length = 1; length <= 4 && length <= at; ++length) {
        const Character found = character_at(text.substr(0, at), at - length);
        if (found.state == Utf8::valid && found.length == length) return at - length;
    }
    return at - 1;
}

/// How many bytes from the start are whole valid characters.
[[nodiscard]] constexpr std::size_t valid_prefix(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const Character found = character_at(text, at);
        if (found.state != Utf8::valid) break;
        at += found.length;
    }
    return at;
}

/// How many bytes at the end are the start of a character whose rest is missing.
[[nodiscard]] constexpr std::size_t cut_off_tail(std::string_view text) {
    for (std::size_t length = 1; length < 4 && length <= text.size(); ++length) {
        if (character_at(text, text.size() - length).state == Utf8::cut_off) return length;
    }
    return 0;
}

/// Appends the UTF-8 form of a valid code point.
inline void append_utf8(char32_t code_point, std::string& text) {
    const auto put = [&text](char32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (code_point < 0x80) {
        put(code_point);
    } else if (code_point < 0x800) {
        put(0xC0 | (code_point >> 6));
        put(0x80 | (code_point & 0x3F));
    } else if (code_point < 0x10000) {
        put(0xE0 | (code_point >> 12));
        put(0x80 | ((code_point >> 6) & 0x3F));
        put(0x80 | (code_point & 0x3F));
    } else {
        put(0xF0 | (code_point >> 18));
        put(0x80 | ((code_point >> 12) & 0x3F));
        put(0x80 | ((code_point >> 6) & 0x3F));
        put(0x80 | (code_point & 0x3F));
    }
}

}  // namespace lamina::text::detail
