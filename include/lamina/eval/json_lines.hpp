// SPDX-License-Identifier: MIT
// JsonLines: the rows of a JSON Lines file in any order, with errors that name file, line and field.
#pragma once

#include <lamina/core/error.hpp>

#include <lamina/io/json_file.hpp>

#include <lamina/text/json_line.hpp>
#include <lamina/text/whole_text.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::eval {

/// One JSON object a line; blank lines are passed over. The file may be a pipe, and compressed by gzip or zstd; a plain
/// one is mapped. A row is parsed when it is read; NaN, Infinity and numbers that no double can hold are strings in it,
/// which matters to those who read such a field.
class JsonLines {
public:
    /// errors  FileError when the file cannot be read, is no text, or has no row
    explicit JsonLines(std::filesystem::path path) : path_(std::move(path)), whole_(path_) {
        std::string_view rest = whole_.text();
        for (std::size_t number = 1; !rest.empty(); ++number) {
            const std::size_t end = rest.find('\n');
            const std::string_view line = rest.substr(0, end);
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
            if (line.find_first_not_of(" \t\r") != std::string_view::npos) lines_.push_back({number, line});
        }
        if (lines_.empty()) throw FileError(path_.string(), "is empty: expected one JSON object a line");
    }

    /// Rows in the file.
    [[nodiscard]] std::size_t size() const noexcept { return lines_.size(); }

    /// "FILE: line N".
    ///
    /// errors  ArgumentError when there is no such row
    [[nodiscard]] std::string where(std::size_t row) const {
        return path_.string() + ": line " + std::to_string(line(row).number);
    }

    /// What `use` makes of the row as an io::JsonObject, whose errors begin with where(row).
    ///
    /// errors  FileError when the line is no JSON object, ArgumentError when there is none, and those of `use`
    template <class Use>
    auto read(std::size_t row, const Use& use) const {
        const io::Json value = parse(row);
        if (!value.is_object()) {
            throw FileError(where(row), std::string("expected a JSON object, found ") + value.type_name());
        }
        return std::invoke(use, io::JsonObject(where(row), "", value));
    }

private:
    struct Line {
        std::size_t number = 0;  // counted from 1, blank ones included
        std::string_view text;
    };

    [[nodiscard]] const Line& line(std::size_t row) const {
        if (row < size()) return lines_[row];
        throw ArgumentError("lamina: JsonLines: row " + std::to_string(row) + ", expected one of the " +
                            std::to_string(size()) + " of " + path_.string());
    }

    [[nodiscard]] io::Json parse(std::size_t row) const {
        const std::string_view text = line(row).text;
        try {
            return io::Json::parse(text.begin(), text.end());
        } catch (const nlohmann::json::exception&) {
            return parse_leniently(row);
        }
    }

    [[nodiscard]] io::Json parse_leniently(std::size_t row) const {
        const text::StrictJson strict = text::json_with_strings(line(row).text);
        try {
            return io::Json::parse(strict.text);
        } catch (const nlohmann::json::parse_error& error) {
            // Counted from 1; one past the end where the line ends too early.
            const std::size_t byte = strict.original(error.byte - std::min<std::size_t>(error.byte, 1)) + 1;
            throw FileError(where(row), "is not JSON in UTF-8, at byte " + std::to_string(byte));
        }
    }

    std::filesystem::path path_;
    text::WholeText whole_;
    std::vector<Line> lines_;
};

}  // namespace lamina::eval
