// SPDX-License-Identifier: MIT
// The four classes of characters that GPT-2's pre-tokenisation tells apart.
#pragma once

#include <lamina/text/detail/utf8.hpp>

#include <utf8proc.h>

#include <cstddef>
#include <string_view>

namespace lamina::text::detail {

enum class CharacterClass { letter, number, space, other };

/// letter = \p{L}, number = \p{N}, space = \s in the sense of Unicode's White_Space, other = the rest.
/// A byte that belongs to no valid character is `other`.
[[nodiscard]] inline CharacterClass class_of(char32_t code_point) {
    if (code_point < 0x80) {
        const char32_t lower = code_point | 0x20;
        if (lower >= U'a' && lower <= U'z') return CharacterClass::letter;
        if (code_point >= U'0' && code_point <= U'9') return CharacterClass::number;
        if (code_point == U' ' || (code_point >= 0x09 && code_point <= 0x0D)) return CharacterClass::space;
        return CharacterClass::other;
    }
    if (code_point == 0x85) return CharacterClass::space;  // a control character, but White_Space
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
            return CharacterClass::letter;
        case UTF8PROC_CATEGORY_ND:
        case UTF8PROC_CATEGORY_NL:
        case UTF8PROC_CATEGORY_NO:
            return CharacterClass::number;
        case UTF8PROC_CATEGORY_ZS:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
            return CharacterClass::space;
        default:
            return CharacterClass::other;
    }
}

/// The class of the character at `at` and its length in bytes.
struct ClassifiedCharacter {
    CharacterClass kind;
    std::size_t length;
};

[[nodiscard]] inline ClassifiedCharacter classify(std::string_view text, std::size_t at) {
    const Character character = character_at(text, at);
    if (character.state != Utf8::valid) return {CharacterClass::other, character.length};
    return {class_of(character.code_point), character.length};
}

}  // namespace lamina::text::detail
