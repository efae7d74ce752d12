// SPDX-License-Identifier: MIT
// GzipReader: what gzip has compressed, in however many members, as it was before.
#pragma once

#include <lamina/text/detail/byte_reader.hpp>

#include <lamina/core/error.hpp>

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lamina::text::detail {

/// memory   some hundred kilobytes
/// errors   FileError, naming `path`, for what is damaged, ends too early, or is followed by something else
/// source   RFC 1952; zeros behind the last member pad it, as gzip itself has it
class GzipReader final : public ByteReader {
public:
    GzipReader(std::unique_ptr<ByteReader> compressed, std::string path)
        : compressed_(std::move(compressed)), path_(std::move(path)), input_(input_bytes) {
        constexpr int largest_window = 15;
        constexpr int of_gzip = 16;
        if (::inflateInit2(&stream_, largest_window + of_gzip) != Z_OK) {
            throw FileError(path_, "cannot be decompressed: zlib has no memory");
        }
    }
    ~GzipReader() override { ::inflateEnd(&stream_); }

    std::size_t read(std::span<char> out) override {
        // zlib counts in unsigned int.
        const std::size_t wanted = std::min<std::size_t>(out.size(), std::numeric_limits<uInt>::max());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = static_cast<uInt>(wanted);
        while (stream_.avail_out == wanted) {
            if (stream_.avail_in == 0) refill();
            if (between_members_ && !begin_member()) return 0;
            if (stream_.avail_in == 0) fail("ends within its gzip data, after " + so_far() + "; it was cut off");
            inflate_some();
        }
        return wanted - stream_.avail_out;
    }

private:
    static constexpr std::size_t input_bytes = std::size_t{1} << 16U;

    void refill() {
        stream_.avail_in = static_cast<uInt>(compressed_->read(input_));
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        taken_ += stream_.avail_in;
    }

    /// Passes over padding; false at the end of the file.
    bool begin_member() {
        while (true) {
            while (stream_.avail_in > 0 && *stream_.next_in == 0) {
                ++stream_.next_in;
                --stream_.avail_in;
            }
            if (stream_.avail_in > 0) break;
            refill();
            if (stream_.avail_in == 0) return false;
        }
        if (*stream_.next_in != 0x1F) fail("has something else behind its gzip data, after " + so_far());
        ::inflateReset(&stream_);
        between_members_ = false;
        return true;
    }

    void inflate_some() {
        const int status = ::inflate(&stream_, Z_NO_FLUSH);
        if (status == Z_STREAM_END) {
            between_members_ = true;
        } else if (status == Z_MEM_ERROR) {
            fail("cannot be decompressed: zlib has no memory");
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            const std::string reason = stream_.msg != nullptr ? stream_.msg : "unknown method";
            fail("has damaged gzip data, after " + so_far() + " (" + reason + ")");
        }
    }

    [[nodiscard]] std::string so_far() const { return std::to_string(taken_ - stream_.avail_in) + " bytes"; }
    [[noreturn]] void fail(const std::string& problem) const { throw FileError(path_, problem); }

    std::unique_ptr<ByteReader> compressed_;
    std::string path_;
    std::vector<char> input_;
    ::z_stream stream_{};
    std::uint64_t taken_ = 0;  // bytes read from what is compressed
    bool between_members_ = false;
};

}  // namespace lamina::text::detail
