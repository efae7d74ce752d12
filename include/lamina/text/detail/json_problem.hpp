// SPDX-License-Identifier: MIT
// What is wrong with text that nlohmann-json has refused, for an error message.
#pragma once

#include <lamina/core/message_text.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace lamina::text::detail {

/// "malformed JSON at byte 9"; of a number that no double can hold, "malformed JSON: number overflow parsing '1e999'".
[[nodiscard]] inline std::string json_problem(const nlohmann::json::exception& error) {
    if (const auto* syntax = dynamic_cast<const nlohmann::json::parse_error*>(&error)) {
        return "malformed JSON at byte " + std::to_string(syntax->byte);
    }
    // "[json.exception.out_of_range.406] number overflow …": what follows the name is for people.
    const std::string_view what = error.what();
    return "malformed JSON: " + printable(what.substr(what.find(' ') + 1));
}

}  // namespace lamina::text::detail
