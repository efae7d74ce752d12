// SPDX-License-Identifier: MIT
// ByteReader: bytes that come once, from first to last; and those of a file, a pipe included.
#pragma once

#include <lamina/core/error.hpp>

#include <lamina/io/file_kind.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lamina::text::detail {

class ByteReader {
public:
    ByteReader() = default;
    ByteReader(const ByteReader&) = delete;
    ByteReader& operator=(const ByteReader&) = delete;
    virtual ~ByteReader() = default;

    /// Overwrites the start of `out`, which is not empty, with the next bytes; returns their number, 0 only at the end.
    [[nodiscard]] virtual std::size_t read(std::span<char> out) = 0;
};

/// Of whatever can be opened and read; it is opened once.
class FileReader final : public ByteReader {
public:
    /// errors  FileError if the file cannot be opened, or is a folder
    explicit FileReader(std::filesystem::path path) : path_(std::move(path)) {
        file_.rdbuf()->pubsetbuf(nullptr, 0);  // whoever reads has a buffer
        file_.open(path_, std::ios::binary);
        if (!file_) io::fail_to_open(path_, errno);
        std::error_code ignored;
        if (std::filesystem::is_directory(path_, ignored)) {
            throw FileError(path_.string(), "cannot be read: it is a folder, name the files in it");
        }
    }

    std::size_t read(std::span<char> out) override {
        if (!file_) return 0;
        file_.read(out.data(), static_cast<std::streamsize>(out.size()));
        if (file_.bad()) throw FileError(path_.string(), "cannot be read");
        return static_cast<std::size_t>(file_.gcount());
    }

private:
    std::filesystem::path path_;
    std::ifstream file_;
};

/// Another reader whose first bytes are looked at before anyone reads them.
class PeekedReader final : public ByteReader {
public:
    /// Reads ahead: `count` bytes, fewer only where there are no more.
    PeekedReader(std::unique_ptr<ByteReader> behind, std::size_t count)
        : behind_(std::move(behind)), start_(count, '\0') {
        std::size_t size = 0;
        while (size < count) {
            const std::size_t more = behind_->read(std::span(start_).subspan(size));
            if (more == 0) break;
            size += more;
        }
        start_.resize(size);
    }

    /// The first bytes, until the first read.
    [[nodiscard]] std::string_view start() const noexcept { return start_; }

    /// Takes bytes off the start, before the first read.
    void skip(std::size_t count) { at_ += count; }

    std::size_t read(std::span<char> out) override {
        if (at_ == start_.size()) return behind_->read(out);
        const std::size_t count = start_.copy(out.data(), out.size(), at_);
        at_ += count;
        return count;
    }

private:
    std::unique_ptr<ByteReader> behind_;
    std::string start_;
    std::size_t at_ = 0;
};

}  // namespace lamina::text::detail
