// SPDX-License-Identifier: MIT
// JsonLinesReader: documents of a JSON Lines file, one object a line, the text in one of its fields.
#pragma once

#include <lamina/text/detail/json_problem.hpp>
#include <lamina/text/detail/piece_reader.hpp>
#include <lamina/text/detail/utf8_input.hpp>

#include <lamina/core/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace lamina::text::detail {

/// Holds about one line at a time. The rules are those of `documents`.
class JsonLinesReader final : public PieceReader {
public:
    JsonLinesReader(const std::filesystem::path& path, InvalidUtf8 policy, std::string field)
        : input_(path, policy), field_(std::move(field)) {}

    bool next(DocumentPiece& piece) override {
        std::string_view line;
        while (next_line(line)) {
            if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
            piece.text = text_of(line);
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
        nlohmann::json object;
        try {
            object = nlohmann::json::parse(line);
        } catch (const nlohmann::json::exception& error) {
            fail(json_problem(error));
        }
        if (!object.is_object()) fail(std::string("expected a JSON object, found ") + object.type_name());
        const auto found = object.find(field_);
        if (found == object.end()) fail("the object has no field '" + field_ + "'");
        if (!found->is_string()) {
            fail("field '" + field_ + "' should be a string, found " + std::string(found->type_name()));
        }
        return std::move(found->get_ref<std::string&>());
    }

    [[noreturn]] void fail(const std::string& problem) const {
        throw FileError(input_.path().string(), "line " + std::to_string(line_number_) + ": " + problem);
    }

    Utf8Input input_;
    std::string field_;
    std::string buffer_;
    std::size_t at_ = 0;
    std::uint64_t line_number_ = 0;
};

}  // namespace lamina::text::detail
