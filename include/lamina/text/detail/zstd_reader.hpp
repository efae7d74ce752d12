// SPDX-License-Identifier: MIT
// ZstdReader: what zstd has compressed, in however many frames, as it was before.
#pragma once

#include <lamina/text/detail/byte_reader.hpp>

#include <lamina/core/error.hpp>

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lamina::text::detail {

/// memory   the window that the file was compressed with, 8 MB by zstd's own choice
/// errors   FileError, naming `path`, for what is damaged, ends too early, or is followed by something else
/// source   RFC 8878
class ZstdReader final : public ByteReader {
public:
    ZstdReader(std::unique_ptr<ByteReader> compressed, std::string path)
        : compressed_(std::move(compressed)),
          path_(std::move(path)),
          input_(::ZSTD_DStreamInSize()),
          stream_(::ZSTD_createDStream()) {
        if (!stream_) throw FileError(path_, "cannot be decompressed: zstd has no memory");
        // Of what was made with `zstd --long` too. The system hands out the memory of a window as it fills.
        const ::ZSTD_bounds widest = ::ZSTD_dParam_getBounds(::ZSTD_d_windowLogMax);
        check(::ZSTD_DCtx_setParameter(stream_.get(), ::ZSTD_d_windowLogMax, widest.upperBound));
    }

    std::size_t read(std::span<char> out) override {
        ::ZSTD_outBuffer into{out.data(), out.size(), 0};
        while (into.pos == 0) {
            // A full output may have left more than there is input for, so that the input is not asked for first.
            const std::size_t before = from_.pos;
            const std::size_t hint = ::ZSTD_decompressStream(stream_.get(), &into, &from_);
            check(hint);
            const bool stands = into.pos == 0 && from_.pos == before;
            if (!stands) inside_frame_ = hint != 0;
            if (!stands || from_.pos < from_.size) continue;
            if (refill()) continue;
            if (inside_frame_) fail("ends within its zstd data, after " + so_far() + "; it was cut off");
            return 0;
        }
        return into.pos;
    }

private:
    struct Free {
        void operator()(::ZSTD_DStream* stream) const { ::ZSTD_freeDStream(stream); }
    };

    bool refill() {
        taken_ += from_.size;
        from_ = {input_.data(), compressed_->read(input_), 0};
        return from_.size > 0;
    }

    void check(std::size_t status) const {
        if (::ZSTD_isError(status) == 0) return;
        fail("has damaged zstd data, after " + so_far() + " (" + ::ZSTD_getErrorName(status) + ")");
    }

    [[nodiscard]] std::string so_far() const { return std::to_string(taken_ + from_.pos) + " bytes"; }
    [[noreturn]] void fail(const std::string& problem) const { throw FileError(path_, problem); }

    std::unique_ptr<ByteReader> compressed_;
    std::string path_;
    std::vector<char> input_;
    std::unique_ptr<::ZSTD_DStream, Free> stream_;
    ::ZSTD_inBuffer from_{nullptr, 0, 0};
    std::uint64_t taken_ = 0;  // bytes of the inputs before this one
    bool inside_frame_ = false;
};

}  // namespace lamina::text::detail
