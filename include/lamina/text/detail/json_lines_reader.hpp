// SPDX-License-Identifier: MIT
// JsonLinesReader: documents of a JSON Lines file, one object a line, the text in one of its fields.
#pragma once

#include <lamina/text/detail/piece_reader.hpp>
#include <lamina/text/detail/utf8_input.hpp>
#include <lamina/text/json_line.hpp>

#include <lamina/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lamina::text::detail {

struct JsonLinesRules {
    std::string field;      ///< has the text
    std::string_view hint;  ///< what else a first line without its text may be, for the error
};

inline constexpr std::string_view flags_that_help =
    "; --text-field names another field, --text-format text says that it is plain text";

/// Holds about one line at a time. The rules are those of `documents`.
class JsonLinesReader final : public PieceReader {
public:
    JsonLinesReader(Utf8Input input, JsonLinesRules rules) : input_(std::move(input)), rules_(std::move(rules)) {}

    bool next(DocumentPiece& piece) override {
        std::string_view line;
        while (next_line(line)) {
            if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
            piece.text = text_of(line);
            found_document_ = true;
            piece.ends_document = true;
            if (!piece.text.empty()) return true;
        }
        return false;
    }

private:
    bool next_line(std::string_view& line) {
        std::size_t searched = at_;
        while (true) {
            const std::size_t end = buffer_.find('\n', searched);
            if (end != std::string::npos) {
                line = std::string_view(buffer_).substr(at_, end - at_);
                at_ = end + 1;
                break;
            }
            buffer_.erase(0, at_);
            at_ = 0;
            searched = buffer_.size();
            if (input_.read_more(buffer_)) continue;
            if (buffer_.empty()) return false;
            line = buffer_;
            at_ = buffer_.size();
            break;
        }
        ++line_number_;
        return true;
    }

    [[nodiscard]] std::string text_of(std::string_view line) const {
        JsonText found = json_text(line, rules_.field);
        if (!found.problem.empty()) fail(found.problem);
        return std::move(found.text);
    }

    [[noreturn]] void fail(const std::string& problem) const {
        // Where there was a document already, that question is answered.
        const std::string_view hint = found_document_ ? std::string_view() : rules_.hint;
        throw FileError(input_.path().string(),
                        "line " + std::to_string(line_number_) + ": " + problem + std::string(hint));
    }

    Utf8Input input_;
    JsonLinesRules rules_;
    std::string buffer_;
    std::size_t at_ = 0;
    std::uint64_t line_number_ = 0;
    bool found_document_ = false;
};

}  // namespace lamina::text::detail
