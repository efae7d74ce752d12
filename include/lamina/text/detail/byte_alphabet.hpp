// SPDX-License-Identifier: MIT
// The printable stand-in that GPT-2's vocabulary files use for each byte.
#pragma once

#include <lamina/text/detail/utf8.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace lamina::text::detail {

/// Whether a byte stands for itself in the vocabulary files; all others get code points from U+0100 on, in order.
[[nodiscard]] constexpr bool is_its_own_symbol(unsigned byte) {
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
}

/// The code point of each byte.
inline constexpr std::array<char32_t, 256> byte_symbols = [] {
    std::array<char32_t, 256> symbols{};
    char32_t next = 256;
    for (unsigned byte = 0; byte < 256; ++byte) symbols[byte] = is_its_own_symbol(byte) ? byte : next++;
    return symbols;
}();

/// The byte of each code point below U+0144, or -1.
inline constexpr std::array<int, 324> symbol_bytes = [] {
    std::array<int, 324> bytes{};
    bytes.fill(-1);
    for (unsigned byte = 0; byte < 256; ++byte) bytes[byte_symbols[byte]] = static_cast<int>(byte);
    return bytes;
}();

/// How a vocabulary file spells these bytes.
[[nodiscard]] inline std::string spelled(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) append_utf8(byte_symbols[static_cast<unsigned char>(byte)], text);
    return text;
}

/// The bytes that a vocabulary file spells so; nothing if a character is not in the alphabet.
[[nodiscard]] inline std::optional<std::string> bytes_of(std::string_view spelling) {
    std::string bytes;
    for (std::size_t at = 0; at < spelling.size();) {
        const Character symbol = character_at(spelling, at);
        if (symbol.state != Utf8::valid || symbol.code_point >= symbol_bytes.size()) return std::nullopt;
        const int byte = symbol_bytes[symbol.code_point];
        if (byte < 0) return std::nullopt;
        bytes += static_cast<char>(static_cast<unsigned char>(byte));
        at += symbol.length;
    }
    return bytes;
}

}  // namespace lamina::text::detail
