// SPDX-License-Identifier: MIT
// Whether a character is part of a word, as regular expressions over Unicode mean it.
#pragma once

#include <lamina/text/detail/utf8.hpp>

#include <utf8proc.h>

#include <cstddef>
#include <string_view>

namespace lamina::text::detail {

/// \w of Unicode Technical Standard 18, annex C: Alphabetic, marks, decimal numbers, connector punctuation and the two
/// join controls.
[[nodiscard]] inline bool is_word_character(char32_t code_point) {
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
        case UTF8PROC_CATEGORY_MN:
        case UTF8PROC_CATEGORY_MC:
        case UTF8PROC_CATEGORY_ME:
        case UTF8PROC_CATEGORY_ND:
        case UTF8PROC_CATEGORY_NL:
        case UTF8PROC_CATEGORY_PC:
            return true;
        case UTF8PROC_CATEGORY_SO:
            // The symbols that are Alphabetic: letters in circles and squares.
            return (code_point >= 0x24B6 && code_point <= 0x24E9) || (code_point >= 0x1F130 && code_point <= 0x1F149) ||
                   (code_point >= 0x1F150 && code_point <= 0x1F169) || (code_point >= 0x1F170 && code_point <= 0x1F189);
        default:
            return code_point == 0x200C || code_point == 0x200D;
    }
}

/// The same of the character at `at`; bytes that are none are part of no word.
[[nodiscard]] inline bool is_word_character(std::string_view text, std::size_t at) {
    const Character character = character_at(text, at);
    return character.state == Utf8::valid && is_word_character(character.code_point);
}

}  // namespace lamina::text::detail
