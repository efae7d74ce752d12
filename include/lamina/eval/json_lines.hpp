// SPDX-License-Identifier: MIT
// JsonLines: the rows of a JSON Lines file in any order, with errors that name file, line and field.
#pragma once

#include <lamina/io/json_file.hpp>
#include <lamina/io/memory_map.hpp>

#include <lamina/core/error.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::eval {

/// One JSON object a line; blank lines are passed over. The file is mapped, and a row is parsed when it is read.
class JsonLines {
public:
    /// errors  FileError when the file cannot be read, or has no row
    explicit JsonLines(std::filesystem::path path) : path_(std::move(path)), map_(path_) {
        std::string_view rest(static_cast<const char*>(static_cast<const void*>(map_.bytes().data())),
                              map_.bytes().size());
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
        } catch (const nlohmann::json::parse_error& error) {
            throw FileError(where(row), "is not JSON in UTF-8, at byte " + std::to_string(error.byte));
        } catch (const nlohmann::json::exception&) {
            throw FileError(where(row), "has a number that is out of range");
        }
    }

    std::filesystem::path path_;
    io::MemoryMap map_;
    std::vector<Line> lines_;
};

}  // namespace lamina::eval
