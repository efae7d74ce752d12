// SPDX-License-Identifier: MIT
// Numbers as people read them, the same under every locale.
#pragma once

#include <charconv>
#include <cmath>
#include <iterator>
#include <string>

namespace lamina::io::detail {

/// `value` with that many decimals, in scientific notation where the fixed one would be absurdly long.
inline std::string decimal_text(double value, int decimals) {
    if (std::isnan(value)) return "nan";  // never "-nan"
    char buffer[64];
    const auto format = std::abs(value) < 1e12 ? std::chars_format::fixed : std::chars_format::scientific;
    const std::to_chars_result result = std::to_chars(std::begin(buffer), std::end(buffer), value, format, decimals);
    return {buffer, result.ptr};
}

}  // namespace lamina::io::detail
