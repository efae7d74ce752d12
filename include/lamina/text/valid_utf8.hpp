// SPDX-License-Identifier: MIT
// valid_utf8: any bytes as text that can be printed, such as what a model of bytes has sampled.
#pragma once

#include <lamina/text/detail/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace lamina::text {

/// `bytes` with U+FFFD for each longest invalid stretch that could have started a character; all else as it is, control
/// characters included. What InvalidUtf8::replace does to a file.
///
/// source   The Unicode Standard 15, section 3.9, "U+FFFD Substitution of Maximal Subparts"
[[nodiscard]] inline std::string valid_utf8(std::string_view bytes) {
    constexpr char32_t replacement = 0xFFFD;
    std::string text;
    while (true) {
        const std::size_t valid = detail::valid_prefix(bytes);
        text += bytes.substr(0, valid);
        bytes.remove_prefix(valid);
        if (bytes.empty()) return text;
        detail::append_utf8(replacement, text);
        bytes.remove_prefix(detail::character_at(bytes, 0).length);
    }
}

}  // namespace lamina::text
