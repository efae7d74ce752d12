// SPDX-License-Identifier: MIT
// Strings as Python's str treats them: evaluation tasks are defined by programs in that language.
#pragma once

#include <lamina/text/detail/utf8.hpp>

#include <utf8proc.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace lamina::text {

/// What str.isspace() says of one character: more than Unicode's White_Space by U+001C to U+001F.
[[nodiscard]] constexpr bool is_python_space(char32_t code_point) {
    if (code_point < 0x80)
        return code_point == U' ' || (code_point >= 0x09 && code_point <= 0x0D) ||
               (code_point >= 0x1C && code_point <= 0x1F);
    return code_point == 0x85 || code_point == 0xA0 || code_point == 0x1680 ||
           (code_point >= 0x2000 && code_point <= 0x200A) || code_point == 0x2028 || code_point == 0x2029 ||
           code_point == 0x202F || code_point == 0x205F || code_point == 0x3000;
}

/// str.rstrip().
[[nodiscard]] constexpr std::string_view strip_right(std::string_view text) {
    while (!text.empty()) {
        const std::size_t last = detail::character_before(text, text.size());
        const detail::Character found = detail::character_at(text, last);
        if (found.state != detail::Utf8::valid || !is_python_space(found.code_point)) break;
        text = text.substr(0, last);
    }
    return text;
}

/// str.strip().
[[nodiscard]] constexpr std::string_view strip(std::string_view text) {
    text = strip_right(text);
    while (!text.empty()) {
        const detail::Character found = detail::character_at(text, 0);
        if (found.state != detail::Utf8::valid || !is_python_space(found.code_point)) break;
        text.remove_prefix(found.length);
    }
    return text;
}

/// len(str): Unicode code points. A stretch that is no UTF-8 counts as one.
[[nodiscard]] constexpr std::size_t code_points(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); at += detail::character_at(text, at).length) ++count;
    return count;
}

namespace detail {

/// Unicode's Cased, of characters that are not case-ignorable.
[[nodiscard]] inline bool is_cased(char32_t code_point) {
    const auto among = [code_point](char32_t first, char32_t last) {
        return code_point >= first && code_point <= last;
    };
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT ||
           code_point == U'ª' || code_point == U'º' || among(0x2160, 0x217F) || among(0x24B6, 0x24E9) ||
           among(0x1F130, 0x1F149) || among(0x1F150, 0x1F169) || among(0x1F170, 0x1F189);
}

/// Unicode's Case_Ignorable: marks and modifiers, and what may stand inside a word.
[[nodiscard]] inline bool is_case_ignorable(char32_t code_point) {
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
        case UTF8PROC_CATEGORY_MN:
        case UTF8PROC_CATEGORY_ME:
        case UTF8PROC_CATEGORY_CF:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_SK:
            return true;
        default:
            constexpr std::u32string_view inside_words =
                U"'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";
            return inside_words.find(code_point) != inside_words.npos;
    }
}

/// Whether the first character of `text` that is not case-ignorable is cased.
[[nodiscard]] inline bool cased_follows(std::string_view text) {
    while (!text.empty()) {
        const Character found = character_at(text, 0);
        if (found.state != Utf8::valid) return false;
        if (!is_case_ignorable(found.code_point)) return is_cased(found.code_point);
        text.remove_prefix(found.length);
    }
    return false;
}

/// The same of the last such character.
[[nodiscard]] inline bool cased_precedes(std::string_view text) {
    while (!text.empty()) {
        const std::size_t last = character_before(text, text.size());
        const Character found = character_at(text, last);
        if (found.state != Utf8::valid) return false;
        if (!is_case_ignorable(found.code_point)) return is_cased(found.code_point);
        text = text.substr(0, last);
    }
    return false;
}

}  // namespace detail

/// str.capitalize(): the first character in title case, all others in lower case. A title case of several characters
/// is made for "ß" only, so ligatures stay as they are.
///
/// source   The Unicode Standard 15, section 3.13
[[nodiscard]] inline std::string capitalized(std::string_view text) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const detail::Character found = detail::character_at(text, at);
        const std::size_t next = at + found.length;
        if (found.state != detail::Utf8::valid) {
            result += text.substr(at, found.length);
        } else if (at == 0 && found.code_point == U'ß') {
            result += "Ss";
        } else if (at == 0) {
            const auto title = utf8proc_totitle(static_cast<utf8proc_int32_t>(found.code_point));
            detail::append_utf8(static_cast<char32_t>(title), result);
        } else if (found.code_point == U'İ') {
            result += "i\u0307";
        } else if (found.code_point == U'Σ' && !detail::cased_follows(text.substr(next)) &&
                   detail::cased_precedes(text.substr(0, at))) {
            result += "ς";  // at the end of a word
        } else {
            const auto lower = utf8proc_tolower(static_cast<utf8proc_int32_t>(found.code_point));
            detail::append_utf8(static_cast<char32_t>(lower), result);
        }
        at = next;
    }
    return result;
}

}  // namespace lamina::text
