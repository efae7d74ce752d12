// SPDX-License-Identifier: MIT
// read_csv: comma-separated values, with the line that each row begins on.
#pragma once

#include <lamina/core/error.hpp>

#include <lamina/text/valid_utf8.hpp>
#include <lamina/text/whole_text.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::eval {

/// One record.
struct CsvRow {
    std::size_t line = 0;  ///< where it begins, counted from 1
    std::vector<std::string> fields;
};

namespace detail {

/// Takes one text apart; `path` is for messages.
class CsvParser {
public:
    CsvParser(std::string_view text, std::string path) : text_(text), path_(std::move(path)) {}

    [[nodiscard]] std::vector<CsvRow> rows() {
        std::vector<CsvRow> result;
        while (at_ < text_.size()) {
            CsvRow row{.line = line_, .fields = {}};
            do {
                row.fields.push_back(field());
            } while (take(','));
            end_row();
            const bool blank = row.fields.size() == 1 && row.fields.front().empty();
            if (!blank) result.push_back(std::move(row));
        }
        return result;
    }

private:
    [[nodiscard]] bool take(char wanted) {
        if (at_ == text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    [[nodiscard]] std::string field() {
        std::string result = take('"') ? quoted() : plain();
        if (text::valid_utf8(result) != result) fail(line_, "is not UTF-8");
        return result;
    }

    [[nodiscard]] std::string plain() {
        const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
        std::string result(text_.substr(at_, end - at_));
        at_ = end;
        return result;
    }

    // Line breaks inside quotes are part of the field; a doubled quote is one.
    [[nodiscard]] std::string quoted() {
        const std::size_t began = line_;
        std::string result;
        while (true) {
            if (at_ == text_.size()) fail(began, "a quoted field begins here and does not end");
            const char character = text_[at_++];
            if (character == '"' && !take('"')) return result;
            if (character == '\n') ++line_;
            result += character;
        }
    }

    void end_row() {
        const bool carriage_return = take('\r');
        if (!take('\n') && !carriage_return && at_ != text_.size()) {
            fail(line_, "text follows the end of a quoted field");
        }
        ++line_;
    }

    [[noreturn]] void fail(std::size_t line, const std::string& problem) const {
        throw FileError(path_, "line " + std::to_string(line) + ": " + problem);
    }

    std::string_view text_;
    std::string path_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
};

}  // namespace detail

/// Every record of a file without a heading; blank lines, and a byte order mark, are passed over.
///
/// errors   FileError when the file cannot be read, is no text, is not UTF-8, or its quotes do not match, with the line
/// source   RFC 4180, with any of its line breaks
[[nodiscard]] inline std::vector<CsvRow> read_csv(const std::filesystem::path& path) {
    const text::WholeText whole(path);
    return detail::CsvParser(whole.text(), path.string()).rows();
}

}  // namespace lamina::eval
