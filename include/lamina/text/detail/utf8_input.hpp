// SPDX-License-Identifier: MIT
// Utf8Input: a file's text in chunks of whole characters, its invalid bytes treated as the caller decided.
#pragma once

#include <lamina/text/detail/utf8.hpp>
#include <lamina/text/invalid_utf8.hpp>
#include <lamina/text/valid_utf8.hpp>

#include <lamina/core/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lamina::text::detail {

class Utf8Input {
public:
    /// errors  FileError if the file cannot be opened
    Utf8Input(std::filesystem::path path, InvalidUtf8 policy)
        : path_(std::move(path)), policy_(policy), file_(path_, std::ios::binary) {
        if (!file_) throw FileError(path_.string(), "cannot be opened: " + std::generic_category().message(errno));
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Appends the next chunk, of some ten kilobytes, to `text`. Returns false, having appended nothing, at the end.
    ///
    /// errors  FileError if the file cannot be read, or has an invalid byte and the policy is to reject
    bool read_more(std::string& text) {
        const std::size_t before = text.size();
        while (text.size() == before && !at_end_) {
            std::array<char, 65536> chunk;
            file_.read(chunk.data(), chunk.size());
            if (file_.bad()) throw FileError(path_.string(), "cannot be read");
            at_end_ = file_.eof();
            raw_.append(chunk.data(), static_cast<std::size_t>(file_.gcount()));
            take_characters(text);
        }
        return text.size() > before;
    }

private:
    void take_characters(std::string& text) {
        // Of a character that is cut off, the rest is in the next chunk.
        const std::size_t whole = raw_.size() - (at_end_ ? 0 : cut_off_tail(raw_));
        const std::string_view taken = std::string_view(raw_).substr(0, whole);
        if (policy_ == InvalidUtf8::reject) check(taken);
        if (policy_ == InvalidUtf8::replace) {
            text += valid_utf8(taken);
        } else {
            text += taken;
        }
        raw_.erase(0, whole);
    }

    void check(std::string_view taken) {
        const std::size_t valid = valid_prefix(taken);
        offset_ += valid;
        line_ += static_cast<std::uint64_t>(std::ranges::count(taken.substr(0, valid), '\n'));
        if (valid == taken.size()) return;
        constexpr std::string_view digits = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(taken[valid]);
        throw FileError(path_.string(), std::string("invalid UTF-8: byte 0x") + digits[byte >> 4] + digits[byte & 0xF] +
                                            " at offset " + std::to_string(offset_) + ", on line " +
                                            std::to_string(line_));
    }

    std::filesystem::path path_;
    InvalidUtf8 policy_;
    std::ifstream file_;
    std::string raw_;  // bytes read but not yet appended: the start of a character, at most three
    bool at_end_ = false;
    std::uint64_t offset_ = 0;
    std::uint64_t line_ = 1;
};

}  // namespace lamina::text::detail
