// SPDX-License-Identifier: MIT
// What the tests of text in other clothes share: gzip, zstd and pipes.
#pragma once

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lamina_tests {

/// One gzip member.
inline std::string gzipped(std::string_view text) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::runtime_error("deflateInit2");
    }
    std::string result(deflateBound(&stream, text.size()) + 64, '\0');
    std::string input(text);
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(result.data());
    stream.avail_out = static_cast<uInt>(result.size());
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate");
    result.resize(stream.total_out);
    deflateEnd(&stream);
    return result;
}

/// One zstd frame with a checksum.
inline std::string zstandard(std::string_view text) {
    std::string result(ZSTD_compressBound(text.size()), '\0');
    ZSTD_CCtx* const context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    const std::size_t size = ZSTD_compress2(context, result.data(), result.size(), text.data(), text.size());
    ZSTD_freeCCtx(context);
    if (ZSTD_isError(size) != 0) throw std::runtime_error(ZSTD_getErrorName(size));
    result.resize(size);
    return result;
}

/// A pipe that holds some kilobytes at most, to be read once under a name.
class FilledPipe {
public:
    explicit FilledPipe(std::string_view content) {
        if (::pipe(ends_.data()) != 0) throw std::runtime_error("pipe");
        const ssize_t written = ::write(ends_[1], content.data(), content.size());
        ::close(ends_[1]);
        if (written != static_cast<ssize_t>(content.size())) throw std::runtime_error("write");
    }
    FilledPipe(const FilledPipe&) = delete;
    FilledPipe& operator=(const FilledPipe&) = delete;
    ~FilledPipe() { ::close(ends_[0]); }

    [[nodiscard]] std::filesystem::path path() const { return "/dev/fd/" + std::to_string(ends_[0]); }

private:
    std::array<int, 2> ends_{};
};

}  // namespace lamina_tests
