// SPDX-License-Identifier: MIT
// TextReader: documents of a plain text file, separated by lines that are exactly "<|endoftext|>".
#pragma once

#include <lamina/text/detail/character_class.hpp>
#include <lamina/text/detail/piece_reader.hpp>
#include <lamina/text/detail/utf8_input.hpp>
#include <lamina/text/tokenizer_concept.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace lamina::text::detail {

/// Holds about one piece at a time. The rules are those of `documents`.
class TextReader final : public PieceReader {
public:
    TextReader(const std::filesystem::path& path, InvalidUtf8 policy, std::size_t piece_bytes)
        : input_(path, policy), piece_bytes_(piece_bytes) {}

    bool next(DocumentPiece& piece) override {
        while (true) {
            const std::size_t separator = find_separator();
            const bool has_separator = separator != std::string::npos;
            const std::size_t end = has_separator ? separator : buffer_.size();
            const bool end_is_known = has_separator || at_end_;
            if (end - at_ >= piece_bytes_ + (end_is_known ? 1 : lookahead)) {
                cut(piece);
                return true;
            }
            if (end_is_known) {
                const bool some = end_document(end, piece);
                consume(std::min(end + end_of_text_literal.size() + 1, buffer_.size()));
                if (some || !has_separator) return some;
            } else {
                discard_consumed();
                at_end_ = !input_.read_more(buffer_);
            }
        }
    }

private:
    // More than a separator's length: a separator that is not all there yet is never cut.
    static constexpr std::size_t lookahead = 16;

    // The start of the next separator line, or npos if none is in the buffer or it cannot be told yet.
    [[nodiscard]] std::size_t find_separator() {
        while (true) {
            const std::size_t found = buffer_.find(end_of_text_literal, searched_);
            if (found == std::string::npos) {
                const std::size_t tail = end_of_text_literal.size() - 1;
                searched_ = std::max(searched_, buffer_.size() - std::min(buffer_.size(), tail));
                return found;
            }
            const std::size_t end = found + end_of_text_literal.size();
            const bool starts_line = found == at_ ? at_line_start_ : buffer_[found - 1] == '\n';
            searched_ = found;
            if (starts_line && end == buffer_.size() && !at_end_) return std::string::npos;
            if (starts_line && (end == buffer_.size() || buffer_[end] == '\n')) return found;
            ++searched_;
        }
    }

    // Makes the piece that ends the document at `end`; false if the document is empty and so does not count.
    bool end_document(std::size_t end, DocumentPiece& piece) {
        std::string_view text = std::string_view(buffer_).substr(at_, end - at_);
        const bool before_separator = end < buffer_.size();
        if (before_separator && text.ends_with('\n')) text.remove_suffix(1);
        if (text.empty() && !inside_document_) return false;
        piece.text = text;
        piece.ends_document = true;
        inside_document_ = false;
        return true;
    }

    void cut(DocumentPiece& piece) {
        const std::size_t end = cut_place();
        piece.text.assign(buffer_, at_, end - at_);
        piece.ends_document = false;
        inside_document_ = true;
        consume(end);
    }

    // The last white space after something else: where pre-tokenisation has the same pieces on both sides, cut or not.
    [[nodiscard]] std::size_t cut_place() const {
        const std::string_view text = buffer_;
        for (std::size_t place = at_ + piece_bytes_; place > at_; --place) {
            if (classify(text, place).kind != CharacterClass::space) continue;
            const std::size_t before = character_before(text, place);
            if (classify(text, before).kind != CharacterClass::space) return place;
        }
        std::size_t place = at_ + piece_bytes_;
        for (int i = 0; i < 3 && (static_cast<unsigned char>(text[place]) & 0xC0U) == 0x80U; ++i) --place;
        return place;
    }

    void consume(std::size_t end) {
        if (end > at_) at_line_start_ = buffer_[end - 1] == '\n';
        at_ = end;
        searched_ = std::max(searched_, at_);
    }

    void discard_consumed() {
        if (at_ < buffer_.size() / 2) return;
        buffer_.erase(0, at_);
        searched_ -= at_;
        at_ = 0;
    }

    Utf8Input input_;
    std::size_t piece_bytes_;
    std::string buffer_;
    std::size_t at_ = 0;        // what is before it was handed out
    std::size_t searched_ = 0;  // no separator starts before it
    bool at_line_start_ = true;
    bool inside_document_ = false;
    bool at_end_ = false;
};

}  // namespace lamina::text::detail
