// SPDX-License-Identifier: MIT
// A line of JSON Lines, read where somebody asks and only passed over elsewhere, whatever number stands there.
#pragma once

#include <lamina/text/detail/json_scanner.hpp>

#include <lamina/core/message_text.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::text {

/// A field's text, or why there is none.
struct JsonText {
    std::string text;
    std::string problem;  ///< "malformed JSON at byte 9", counted from 1; empty where all is well
};

/// The string that `field` of the object in `line` holds; of a field that is there twice the last, as most readers have
/// it. `line` is taken to be UTF-8.
///
/// The other fields need only be told apart: NaN, Infinity and numbers that no double can hold are passed over like any
/// value.
///
/// cost     one pass over the line, another over the text; memory for the text and for the depth of the nesting
/// source   RFC 8259; NaN and Infinity as Python's json writes them
[[nodiscard]] inline JsonText json_text(std::string_view line, std::string_view field) {
    detail::JsonScanner scanner(line);
    const auto malformed = [](std::size_t at) {
        return JsonText{.text = {}, .problem = "malformed JSON at byte " + std::to_string(at + 1)};
    };
    if (const std::string_view found = scanner.kind(); found != "object") {
        if (found.empty()) return malformed(scanner.at());
        return {.text = {}, .problem = "expected a JSON object, found " + std::string(found)};
    }
    detail::JsonSpan wanted;
    std::string others;
    const auto visit = [&](detail::JsonSpan key, detail::JsonSpan value) {
        if (detail::is_string(line, key, field)) {
            wanted = value;
        } else if (wanted.empty() && others.size() < 100) {
            others += (others.empty() ? "" : ", ") + printable(line.substr(key.first, key.size()), 40);
        }
    };
    if (!scanner.pass_object(visit)) return malformed(scanner.at());
    if (wanted.empty()) {
        return {.text = {},
                .problem = "the object has no field '" + std::string(field) + "'" +
                           (others.empty() ? "" : ", only " + others)};
    }
    if (line[wanted.first] != '"') {
        return {.text = {},
                .problem = "field '" + std::string(field) + "' should be a string, found " +
                           std::string(detail::kind_at(line, wanted.first))};
    }
    JsonText result;
    const std::size_t wrong = detail::append_string(line, wanted, result.text);
    return wrong == wanted.last ? result : malformed(wrong);
}

/// JSON without what JSON does not have: see `json_with_strings`.
struct StrictJson {
    std::string text;
    std::vector<std::size_t> added;  ///< places in `text` of quotes that `json` does not have, ascending

    /// The place in the original of a place in `text`.
    [[nodiscard]] std::size_t original(std::size_t place) const {
        std::size_t before = 0;
        while (before < added.size() && added[before] < place) ++before;
        return place - before;
    }
};

/// `json` with NaN, Infinity, -Infinity and numbers that no double can hold as strings, so that a strict reader takes
/// them, and whoever reads such a field is told what it is. Anything else stays as it is, well formed or not.
[[nodiscard]] inline StrictJson json_with_strings(std::string_view json) {
    StrictJson result;
    const auto quote = [&result] {
        result.added.push_back(result.text.size());
        result.text += '"';
    };
    for (std::size_t at = 0; at < json.size();) {
        if (json[at] == '"') {
            detail::JsonScanner scanner(json.substr(at));
            static_cast<void>(scanner.pass_string());  // one that does not end is copied to the end
            result.text += json.substr(at, scanner.at());
            at += scanner.at();
            continue;
        }
        const std::size_t length = detail::scalar_length(json.substr(at));
        const std::string_view scalar = json.substr(at, std::max<std::size_t>(length, 1));
        const bool strange = detail::is_beyond_json(scalar);
        if (strange) quote();
        result.text += scalar;
        if (strange) quote();
        at += scalar.size();
    }
    return result;
}

}  // namespace lamina::text
