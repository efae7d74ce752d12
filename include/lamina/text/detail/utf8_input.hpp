// SPDX-License-Identifier: MIT
// Utf8Input: a file's text in chunks of whole characters, its invalid bytes treated as the caller decided.
#pragma once

#include <lamina/text/detail/utf8.hpp>
#include <lamina/text/invalid_utf8.hpp>
#include <lamina/text/text_source.hpp>
#include <lamina/text/valid_utf8.hpp>

#include <lamina/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lamina::text::detail {

class Utf8Input {
public:
    Utf8Input(TextSource source, InvalidUtf8 policy)
        : source_(std::move(source)), policy_(policy), offset_(source_.passed_over()) {}

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return source_.path(); }

    /// Appends the next chunk, of some ten kilobytes, to `text`. Returns false, having appended nothing, at the end.
    ///
    /// errors  FileError as TextSource, and for an invalid byte where the policy is to reject
    bool read_more(std::string& text) {
        const std::size_t before = text.size();
        while (text.size() == before && !at_end_) {
            const std::size_t held = raw_.size();
            raw_.resize(held + chunk_bytes);
            const std::size_t count = source_.read(std::span(raw_).subspan(held));
            raw_.resize(held + count);
            at_end_ = count == 0;
            take_characters(text);
        }
        return text.size() > before;
    }

private:
    static constexpr std::size_t chunk_bytes = std::size_t{1} << 16U;

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
        throw FileError(path().string(), std::string("invalid UTF-8: byte 0x") + digits[byte >> 4] +
                                             digits[byte & 0xF] + " at offset " + std::to_string(offset_) +
                                             (source_.compressed() ? " of what is compressed" : "") + ", on line " +
                                             std::to_string(line_) + "; convert the text with iconv -t UTF-8");
    }

    TextSource source_;
    InvalidUtf8 policy_;
    std::string raw_;  // bytes read but not yet appended: the start of a character, at most three
    bool at_end_ = false;
    std::uint64_t offset_;
    std::uint64_t line_ = 1;
};

}  // namespace lamina::text::detail
