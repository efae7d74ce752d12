// SPDX-License-Identifier: MIT
// TextSource: the bytes of a text file or pipe, read once, as they were before gzip or zstd compressed them.
#pragma once

#include <lamina/text/content.hpp>
#include <lamina/text/detail/byte_reader.hpp>
#include <lamina/text/detail/gzip_reader.hpp>
#include <lamina/text/detail/zstd_reader.hpp>

#include <lamina/core/error.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lamina::text {

/// What is done about content that does not look like text.
enum class ForeignContent {
    refuse,  ///< a FileError that names it and says what to do
    keep     ///< it is read as text all the same; what gzip or zstd have compressed is still decompressed
};

/// A file, pipe or device is opened once and read from its first byte to its last; what it holds is told by its first
/// bytes. Members and frames of compressed data that follow each other are one text. A byte order mark of UTF-8 at the
/// start is no part of the text.
///
/// memory   some hundred kilobytes, and zstd's window
class TextSource {
public:
    /// errors  FileError if the file cannot be opened, is no text, or is compressed and damaged
    explicit TextSource(std::filesystem::path path, ForeignContent foreign = ForeignContent::refuse)
        : path_(std::move(path)) {
        put(std::make_unique<detail::FileReader>(path_));
        Content content = content_of(start());
        const std::string_view packing = content.name;
        compressed_ = content.form == Form::gzip || content.form == Form::zstd;
        if (compressed_) {
            decompress(content.form);
            content = content_of(start());
        }
        if (content.form != Form::plain && foreign == ForeignContent::refuse) {
            throw FileError(path_.string(), (compressed_ ? "is " + std::string(packing) + " that holds " : "is ") +
                                                std::string(content.name) + ", not plain text; " +
                                                std::string(content.advice));
        }
        if (start().starts_with(byte_order_mark)) {
            marked_ = byte_order_mark.size();
            reader_->skip(marked_);
        }
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] bool compressed() const noexcept { return compressed_; }

    /// How many bytes of the text have been passed over: those of the byte order mark, or none.
    [[nodiscard]] std::size_t passed_over() const noexcept { return marked_; }

    /// The first bytes of the text, `deciding_bytes` at most; valid until the first read.
    [[nodiscard]] std::string_view first_bytes() const noexcept { return start().substr(marked_); }

    /// Overwrites the start of `out`, which is not empty; returns the number of bytes, 0 only at the end.
    ///
    /// errors  FileError if the file cannot be read; if it is compressed and damaged, cut off, or not all of it is
    [[nodiscard]] std::size_t read(std::span<char> out) { return reader_->read(out); }

private:
    [[nodiscard]] std::string_view start() const noexcept { return reader_->start(); }

    void put(std::unique_ptr<detail::ByteReader> reader) {
        reader_ = std::make_unique<detail::PeekedReader>(std::move(reader), deciding_bytes);
    }

    void decompress(Form form) {
        if (form == Form::gzip) {
            put(std::make_unique<detail::GzipReader>(std::move(reader_), path_.string()));
        } else {
            put(std::make_unique<detail::ZstdReader>(std::move(reader_), path_.string()));
        }
    }

    std::filesystem::path path_;
    std::unique_ptr<detail::PeekedReader> reader_;
    std::size_t marked_ = 0;
    bool compressed_ = false;
};

}  // namespace lamina::text
