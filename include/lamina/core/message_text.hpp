// SPDX-License-Identifier: MIT
// How text that came from a file is shown in an error message: one line, whatever it holds.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace lamina {

/// `text` with control characters, and bytes that no message should carry, as \xNN; cut after `limit` bytes.
inline std::string printable(std::string_view text, std::size_t limit = 160) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string result;
    for (const char character : text.substr(0, limit)) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte < 0x20U || byte >= 0x7FU) {
            result += {'\\', 'x', digits[byte >> 4U], digits[byte & 0xFU]};
        } else {
            result += character;
        }
    }
    if (text.size() > limit) result += "...";
    return result;
}

/// The same between double quotes.
inline std::string in_quotes(std::string_view text) { return '"' + printable(text) + '"'; }

/// "[2, 3]"; a shape of more than eight dimensions is cut.
inline std::string shape_text(std::span<const std::size_t> shape) {
    std::string result = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (i != 0) result += ", ";
        if (i == 8) {
            result += "...";
            break;
        }
        result += std::to_string(shape[i]);
    }
    return result + "]";
}

}  // namespace lamina
