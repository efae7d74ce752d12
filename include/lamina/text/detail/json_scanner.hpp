// SPDX-License-Identifier: MIT
// JsonScanner: passes over JSON without making anything of it, and says where its parts are.
#pragma once

#include <lamina/text/detail/utf8.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

namespace lamina::text::detail {

/// Part of a text.
struct JsonSpan {
    std::size_t first = 0;
    std::size_t last = 0;  ///< one past the part

    [[nodiscard]] constexpr std::size_t size() const { return last - first; }
    [[nodiscard]] constexpr bool empty() const { return first == last; }
};

/// How long the word or number is that `json` begins with, right or wrong; 0 where neither is there.
[[nodiscard]] constexpr std::size_t scalar_length(std::string_view json) {
    const auto belongs = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '+' ||
               c == '-';
    };
    return static_cast<std::size_t>(std::find_if_not(json.begin(), json.end(), belongs) - json.begin());
}

/// Whether a word or number is what writers of JSON write where JSON has no way to say it.
[[nodiscard]] inline bool is_beyond_json(std::string_view scalar) {
    if (scalar == "NaN" || scalar == "Infinity" || scalar == "-Infinity") return true;
    double value = 0;
    const auto [end, error] = std::from_chars(scalar.data(), scalar.data() + scalar.size(), value);
    if (error != std::errc::result_out_of_range || end != scalar.data() + scalar.size()) return false;
    // from_chars does not say whether it is too large or too small, which is as good as zero.
    return std::isinf(std::strtod(std::string(scalar).c_str(), nullptr));
}

/// Whether `text` is a number of JSON: "-0.5e+3".
[[nodiscard]] constexpr bool is_number(std::string_view text) {
    const auto pass_digits = [&text] {
        const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
        text.remove_prefix(count);
        return count > 0;
    };
    const auto pass_any_of = [&text](std::string_view characters) {
        const bool found = !text.empty() && characters.find(text.front()) != std::string_view::npos;
        text.remove_prefix(found ? 1 : 0);
        return found;
    };
    static_cast<void>(pass_any_of("-"));
    const bool zero = pass_any_of("0");
    if (!zero && !pass_digits()) return false;
    if (pass_any_of(".") && !pass_digits()) return false;
    if (pass_any_of("eE")) {
        static_cast<void>(pass_any_of("+-"));
        if (!pass_digits()) return false;
    }
    return text.empty();
}

/// Whether a word or number is one of JSON's or of those that its writers add.
[[nodiscard]] constexpr bool is_scalar(std::string_view scalar) {
    for (const std::string_view word : {"true", "false", "null", "NaN", "Infinity", "-Infinity"}) {
        if (scalar == word) return true;
    }
    return is_number(scalar);
}

/// "object", "array", "string", "number", "boolean" or "null": what value begins at `at`; "" where none does.
[[nodiscard]] constexpr std::string_view kind_at(std::string_view json, std::size_t at) {
    const std::string_view rest = json.substr(std::min(at, json.size()));
    if (rest.starts_with('{')) return "object";
    if (rest.starts_with('[')) return "array";
    if (rest.starts_with('"')) return "string";
    const std::string_view scalar = rest.substr(0, scalar_length(rest));
    if (!is_scalar(scalar)) return "";
    if (scalar == "null") return "null";
    return scalar == "true" || scalar == "false" ? "boolean" : "number";
}

/// Stands at a place of a text; each `pass_` goes on behind what it names, or stays where that is wrong.
class JsonScanner {
public:
    explicit constexpr JsonScanner(std::string_view json) : json_(json) {}

    [[nodiscard]] constexpr std::size_t at() const { return at_; }

    /// kind_at of the next value.
    [[nodiscard]] constexpr std::string_view kind() {
        pass_blanks();
        return kind_at(json_, at_);
    }

    /// All of an object, which must be all of the text; `visit(key, value)` is told where its fields are, quotes
    /// included.
    template <class Visit>
    [[nodiscard]] bool pass_object(const Visit& visit) {
        if (!pass('{')) return false;
        if (!pass('}')) {
            do {
                JsonSpan key;
                JsonSpan value;
                if (!pass_key(key) || !pass_value(value)) return false;
                visit(key, value);
            } while (pass(','));
            if (!pass('}')) return false;
        }
        pass_blanks();
        return at_ == json_.size();
    }

    /// A string in quotes, at this very place. One that does not end is passed to the end of the text.
    [[nodiscard]] bool pass_string() {
        if (at_ == json_.size() || json_[at_] != '"') return false;
        ++at_;
        while (true) {
            at_ = std::min(json_.find('"', at_), json_.size());
            if (at_ == json_.size()) return false;
            // A quote belongs to the string where an odd number of backslashes stands before it; the string's own
            // opening quote ends their row.
            std::size_t row = 0;
            while (json_[at_ - 1 - row] == '\\') ++row;
            ++at_;
            if (row % 2 == 0) return true;
        }
    }

private:
    constexpr void pass_blanks() {
        while (at_ < json_.size() &&
               (json_[at_] == ' ' || json_[at_] == '\t' || json_[at_] == '\r' || json_[at_] == '\n')) {
            ++at_;
        }
    }

    constexpr bool pass(char wanted) {
        pass_blanks();
        if (at_ == json_.size() || json_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    bool pass_key(JsonSpan& key) {
        pass_blanks();
        key.first = at_;
        if (!pass_string()) return false;
        key.last = at_;
        return pass(':');
    }

    bool pass_key() {
        JsonSpan key;
        return pass_key(key);
    }

    bool pass_scalar() {
        if (at_ < json_.size() && json_[at_] == '"') return pass_string();
        const std::string_view rest = json_.substr(at_);
        const std::size_t length = scalar_length(rest);
        if (!is_scalar(rest.substr(0, length))) return false;
        at_ += length;
        return true;
    }

    // Without recursion: a file may have any number of levels.
    bool pass_value(JsonSpan& value) {
        pass_blanks();
        value.first = at_;
        open_.clear();
        do {
            pass_blanks();
            if (pass('{')) {
                open_ += '}';
                if (!pass('}')) {
                    if (!pass_key()) return false;
                    continue;
                }
                open_.pop_back();
            } else if (pass('[')) {
                open_ += ']';
                if (!pass(']')) continue;
                open_.pop_back();
            } else if (!pass_scalar()) {
                return false;
            }
            if (!close()) return false;
        } while (!open_.empty());
        value.last = at_;
        return true;
    }

    // Behind a value: passes what ends, up to where the next value stands or nothing is open.
    bool close() {
        while (!open_.empty()) {
            if (pass(',')) return open_.back() == ']' || pass_key();
            if (!pass(open_.back())) return false;
            open_.pop_back();
        }
        return true;
    }

    std::string_view json_;
    std::size_t at_ = 0;
    std::string open_{};  // the brackets that will close
};

/// Four hexadecimal digits at `at`; nothing is a digit past the end.
[[nodiscard]] inline bool read_hexadecimal(std::string_view json, std::size_t at, char32_t& unit) {
    const std::string_view digits = json.substr(std::min(at, json.size()), 4);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    unit = value;
    return digits.size() == 4 && error == std::errc() && end == digits.data() + 4;
}

/// The character of "\uXXXX", or of a pair of them, whose `u` is at `at`; moves `at` behind it, or to what is wrong.
[[nodiscard]] inline bool append_unicode_escape(std::string_view json, std::size_t& at, std::string& text) {
    char32_t unit = 0;
    if (!read_hexadecimal(json, at + 1, unit)) return false;
    std::size_t next = at + 5;
    if (unit >= 0xD800 && unit < 0xE000) {
        char32_t low = 0;
        const bool pair = unit < 0xDC00 && json.substr(std::min(next, json.size()), 2) == "\\u" &&
                          read_hexadecimal(json, next + 2, low) && low >= 0xDC00 && low < 0xE000;
        if (!pair) return false;  // half of a character has no UTF-8
        unit = 0x10000 + ((unit - 0xD800) << 10U) + (low - 0xDC00);
        next += 6;
    }
    append_utf8(unit, text);
    at = next;
    return true;
}

/// Appends what a string says, given with its quotes; returns where it is wrong, or one past it.
[[nodiscard]] inline std::size_t append_string(std::string_view json, JsonSpan string, std::string& text) {
    constexpr std::string_view names = "\"\\/bfnrt";
    constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
    const std::size_t end = string.last - 1;
    std::size_t at = string.first + 1;
    while (at < end) {
        const auto stops = [](char c) { return c == '\\' || static_cast<unsigned char>(c) < 0x20; };
        const auto* const stop = std::find_if(json.data() + at, json.data() + end, stops);
        text.append(json.data() + at, stop);
        at = static_cast<std::size_t>(stop - json.data());
        if (at == end) break;
        if (json[at] != '\\') return at;  // a control character must be escaped
        ++at;
        if (json[at] == 'u') {
            if (!append_unicode_escape(json.substr(0, end), at, text)) return at;
            continue;
        }
        const std::size_t name = names.find(json[at]);
        if (name == std::string_view::npos) return at;
        text += meant[name];
        ++at;
    }
    return string.last;
}

/// Whether a string, given with its quotes, says `text`.
[[nodiscard]] inline bool is_string(std::string_view json, JsonSpan string, std::string_view text) {
    const std::string_view raw = json.substr(string.first + 1, string.size() - 2);
    if (raw.find('\\') == std::string_view::npos) return raw == text;
    std::string said;
    return append_string(json, string, said) == string.last && said == text;
}

}  // namespace lamina::text::detail
