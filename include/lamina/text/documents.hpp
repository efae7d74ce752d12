// SPDX-License-Identifier: MIT
// documents: text and JSON Lines files as one lazy range of documents.
#pragma once

#include <lamina/text/content.hpp>
#include <lamina/text/detail/json_lines_reader.hpp>
#include <lamina/text/detail/piece_reader.hpp>
#include <lamina/text/detail/text_reader.hpp>
#include <lamina/text/detail/utf8_input.hpp>
#include <lamina/text/document_piece.hpp>
#include <lamina/text/invalid_utf8.hpp>
#include <lamina/text/text_source.hpp>

#include <lamina/core/error.hpp>

#include <range/v3/iterator/default_sentinel.hpp>
#include <range/v3/view/facade.hpp>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/join.hpp>
#include <range/v3/view/transform.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lamina::text {

/// What a corpus file is.
enum class DocumentFormat {
    by_content,  ///< JSON Lines if the file begins with an object and its first key, or has the name; else text
    text,        ///< text, whatever it looks like
    json_lines,
};

/// How corpus files are read.
struct DocumentOptions {
    DocumentFormat format = DocumentFormat::by_content;
    std::string field = "text";  ///< the field of a JSON Lines object that has the text
    InvalidUtf8 invalid_utf8 = InvalidUtf8::reject;
    std::size_t piece_bytes = std::size_t{1} << 20;  ///< longest piece of a text file's document; at least 64
};

/// The documents of one file, read as they are asked for; every begin() opens the file anew, which a pipe allows once.
/// A range-v3 input view.
///
/// What gzip or zstd have compressed is decompressed, and a byte order mark passed over. JSON Lines have a JSON object
/// a line; blank lines are passed over, and so are all fields but the text's, whatever they hold. In text a line that
/// is exactly "<|endoftext|>", but for blanks and a carriage return behind it, ends a document (that line and the line
/// break before it are no part of it), and so does the end of the file. Documents without text do not count.
///
/// Which of the two a file is, its first bytes tell. What is named *.jsonl or *.ndjson and does not begin like it is
/// refused rather than read as text.
///
/// A text document longer than `piece_bytes` comes in pieces, so that a file of any size takes little memory. Pieces
/// end before white space, where GPT-2's tokenizer gives the same tokens for the pieces as for the whole; only a
/// stretch of `piece_bytes` without any is cut within. A JSON Lines document always comes whole.
///
/// errors   while reading: FileError if the file cannot be read, is not as above, or has no document, and as
///          TextSource; ArgumentError for JSON Lines whose invalid bytes are to be kept
class FileDocuments : public ranges::view_facade<FileDocuments, ranges::finite> {
public:
    FileDocuments() = default;

    /// errors  ArgumentError for too short pieces
    explicit FileDocuments(std::filesystem::path path, DocumentOptions options = {})
        : source_(std::make_shared<const Source>(Source{std::move(path), std::move(options)})) {
        if (source_->options.piece_bytes < 64) {
            throw ArgumentError("lamina: DocumentOptions: piece_bytes of " +
                                std::to_string(source_->options.piece_bytes) + ", expected at least 64");
        }
    }

private:
    friend ranges::range_access;

    struct Source {
        std::filesystem::path path;
        DocumentOptions options;
    };

    struct Reading {
        std::unique_ptr<detail::PieceReader> reader;
        DocumentPiece piece;
        bool done = false;
    };

    class Cursor {
    public:
        using single_pass = std::true_type;

        Cursor() = default;
        explicit Cursor(std::shared_ptr<Reading> reading) : reading_(std::move(reading)) {}

        [[nodiscard]] const DocumentPiece& read() const { return reading_->piece; }
        void next() { reading_->done = !reading_->reader->next(reading_->piece); }
        [[nodiscard]] bool equal(ranges::default_sentinel_t) const { return reading_->done; }

    private:
        std::shared_ptr<Reading> reading_;
    };

    [[nodiscard]] Cursor begin_cursor() const {
        auto reading = std::make_shared<Reading>();
        reading->reader = open();
        if (!reading->reader->next(reading->piece)) {
            throw FileError(source_->path.string(), "is empty: a corpus needs at least one document");
        }
        return Cursor(std::move(reading));
    }

    [[nodiscard]] std::unique_ptr<detail::PieceReader> open() const {
        const DocumentOptions& options = source_->options;
        const bool is_text = options.format == DocumentFormat::text;
        TextSource file(source_->path, is_text ? ForeignContent::keep : ForeignContent::refuse);
        if (is_text || !is_json_lines(file.first_bytes())) {
            return std::make_unique<detail::TextReader>(detail::Utf8Input(std::move(file), options.invalid_utf8),
                                                        options.piece_bytes);
        }
        if (options.invalid_utf8 == InvalidUtf8::keep) {
            throw ArgumentError(
                source_->path.string() +
                ": JSON is UTF-8 by definition; its invalid bytes can be rejected or replaced, not kept");
        }
        const bool told = options.format == DocumentFormat::json_lines;
        return std::make_unique<detail::JsonLinesReader>(
            detail::Utf8Input(std::move(file), options.invalid_utf8),
            detail::JsonLinesRules{.field = options.field, .hint = told ? "" : detail::flags_that_help});
    }

    [[nodiscard]] bool is_json_lines(std::string_view start) const {
        if (source_->options.format == DocumentFormat::json_lines || begins_json_object(start)) return true;
        std::filesystem::path name = source_->path.filename();
        if (name.extension() == ".gz" || name.extension() == ".zst") name = name.stem();
        return name.extension() == ".jsonl" || name.extension() == ".ndjson";
    }

    std::shared_ptr<const Source> source_;
};

/// The documents of several files, one file after another, each opened when the one before it is used up: a lazy
/// range-v3 input view of DocumentPiece.
///
/// errors  ArgumentError if there are no files; those of FileDocuments while reading
[[nodiscard]] inline auto documents(const std::vector<std::filesystem::path>& files,
                                    const DocumentOptions& options = {}) {
    if (files.empty()) throw ArgumentError("no corpus files given");
    auto each = std::make_shared<std::vector<FileDocuments>>();
    for (const std::filesystem::path& file : files) each->emplace_back(file, options);
    return ranges::views::iota(std::size_t{0}, each->size()) |
           ranges::views::transform([each](std::size_t file) { return (*each)[file]; }) | ranges::views::join;
}

}  // namespace lamina::text
