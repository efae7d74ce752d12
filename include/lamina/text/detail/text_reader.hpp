// SPDX-License-Identifier: MIT
// TextReader: documents of a plain text file, separated by lines that have nothing but "<|endoftext|>".
#pragma once

#include <lamina/text/detail/character_class.hpp>
#include <lamina/text/detail/piece_reader.hpp>
#include <lamina/text/detail/utf8_input.hpp>
#include <lamina/text/tokenizer_concept.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace lamina::text::detail {

/// Holds about one piece at a time. The rules are those of `documents`.
class TextReader final : public PieceReader {
public:
    TextReader(Utf8Input input, std::size_t piece_bytes) : input_(std::move(input)), piece_bytes_(piece_bytes) {}

    bool next(DocumentPiece& piece) override {
        while (true) {
            const bool has_separator = find_separator();
            const std::size_t end = searched_;
            const bool end_is_known = has_separator || at_end_;
            if (end - at_ > piece_bytes_) {
                cut(piece);
                return true;
            }
            if (end_is_known) {
                const bool some = end_document(end, has_separator, piece);
                consume(has_separator ? std::min(line_end_ + 1, buffer_.size()) : end);
                if (some || !has_separator) return some;
            } else {
                discard_consumed();
                at_end_ = !input_.read_more(buffer_);
            }
        }
    }

private:
    // Moves on to the next separator line, or as far as none can start. Says whether one starts there; `line_end_` is
    // then its line break, or the end.
    bool find_separator() {
        while (true) {
            const std::size_t found = buffer_.find(end_of_text_literal, searched_);
            if (found == std::string::npos) {
                searched_ = at_end_ ? buffer_.size() : std::max(searched_, last_places());
                return false;
            }
            searched_ = found;
            const bool starts_line = found == at_ ? at_line_start_ : buffer_[found - 1] == '\n';
            if (starts_line) {
                // Where a run of blanks is longer than one reading it is not gone through again.
                line_end_ = std::max(line_end_, found + end_of_text_literal.size());
                line_end_ = std::min(buffer_.find_first_not_of(" \t\r", line_end_), buffer_.size());
                if (line_end_ == buffer_.size()) return at_end_;
                if (buffer_[line_end_] == '\n') return true;
            }
            ++searched_;
        }
    }

    // The first place where the beginning of a separator may stand that has not been read to its end, or a line break
    // that belongs to it.
    [[nodiscard]] std::size_t last_places() const {
        return buffer_.size() - std::min(buffer_.size(), end_of_text_literal.size() - 1);
    }

    // Makes the piece that ends the document at `end`; false if the document is empty and so does not count.
    bool end_document(std::size_t end, bool before_separator, DocumentPiece& piece) {
        std::string_view text = std::string_view(buffer_).substr(at_, end - at_);
        if (before_separator && text.ends_with('\n')) text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
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
        // Both may belong to a separator.
        if (text[place - 1] == '\r' && text[place] == '\n') --place;
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
        line_end_ -= std::min(line_end_, at_);
        at_ = 0;
    }

    Utf8Input input_;
    std::size_t piece_bytes_;
    std::string buffer_;
    std::size_t at_ = 0;        // what is before it was handed out
    std::size_t searched_ = 0;  // no separator starts before it
    std::size_t line_end_ = 0;  // of a separator's line, or as far as it has been read
    bool at_line_start_ = true;
    bool inside_document_ = false;
    bool at_end_ = false;
};

}  // namespace lamina::text::detail
