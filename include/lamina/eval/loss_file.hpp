// SPDX-License-Identifier: MIT
// LossFile: the losses of every token of some blocks in a NumPy file that grows block by block.
#pragma once

#include <lamina/core/error.hpp>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::eval {

/// A .npy file of version 1.0 that holds float32 [blocks, width]. Its heading names all
/// blocks from the start, so NumPy refuses a file that an interrupted run left.
class LossFile {
    static_assert(std::endian::native == std::endian::little, "LossFile writes what is in memory");

public:
    enum class Begin { anew, where_it_stopped };

    /// errors  FileError when the file cannot be written, or is to be continued and is of another shape; ArgumentError
    ///         for blocks without losses
    LossFile(std::filesystem::path path, std::size_t blocks, std::size_t width, Begin begin)
        : path_(std::move(path)), blocks_(blocks), width_(width) {
        if (width == 0) throw ArgumentError("lamina: LossFile: blocks of 0 losses, expected at least 1");
        if (begin == Begin::where_it_stopped && std::filesystem::exists(path_)) {
            read_back();
        } else {
            open("wb");
            write(heading());
        }
    }

    /// Of all blocks that the file has, one after another.
    [[nodiscard]] std::span<const float> losses() const { return losses_; }
    [[nodiscard]] std::size_t blocks() const { return losses_.size() / width_; }

    /// Adds whole blocks.
    ///
    /// errors  FileError with the system's reason, such as a full disk; ArgumentError for a part of a block, and for
    ///         more blocks than the file was made for
    void append(std::span<const float> losses) {
        if (losses.size() % width_ != 0 || losses.size() / width_ > blocks_ - blocks()) {
            throw ArgumentError("lamina: LossFile::append: " + std::to_string(losses.size()) +
                                " losses, expected at most " + std::to_string(blocks_ - blocks()) +
                                " whole blocks of " + std::to_string(width_));
        }
        write({static_cast<const char*>(static_cast<const void*>(losses.data())), losses.size_bytes()});
        losses_.insert(losses_.end(), losses.begin(), losses.end());
    }

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };

    [[noreturn]] void fail(const std::string& problem) const { throw FileError(path_.string(), problem); }

    void open(const char* mode) {
        file_.reset(std::fopen(path_.c_str(), mode));
        if (!file_) fail(std::string("cannot be opened: ") + std::strerror(errno));
    }

    void write(std::string_view bytes) {
        const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size();
        if (!written || std::fflush(file_.get()) != 0) fail(std::string("cannot be written: ") + std::strerror(errno));
    }

    /// 128 bytes: magic, version, length, and a Python dictionary padded with spaces.
    [[nodiscard]] std::string heading() const {
        std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(blocks_) + ", " +
                           std::to_string(width_) + "), }";
        constexpr std::size_t whole = 128;
        constexpr std::size_t prelude = 10;
        text.resize(whole - prelude - 1, ' ');
        return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(whole - prelude) + '\0' + text + '\n';
    }

    void read_back() {
        open("rb");
        std::string found(heading().size(), '\0');
        found.resize(std::fread(found.data(), 1, found.size(), file_.get()));
        if (found.size() < heading().size() && heading().starts_with(found)) {  // stopped while it was begun
            open("wb");
            write(heading());
            return;
        }
        if (found != heading()) {
            fail("holds other losses, expected float32 [" + std::to_string(blocks_) + ", " + std::to_string(width_) +
                 "]");
        }
        std::vector<float> block(width_);
        while (blocks() < blocks_ && std::fread(block.data(), sizeof(float), width_, file_.get()) == width_) {
            losses_.insert(losses_.end(), block.begin(), block.end());
        }
        file_.reset();
        // A block that was written in part is written anew.
        std::filesystem::resize_file(path_, found.size() + losses_.size() * sizeof(float));
        open("ab");
    }

    std::filesystem::path path_;
    std::size_t blocks_;
    std::size_t width_;
    std::unique_ptr<std::FILE, Close> file_{};
    std::vector<float> losses_{};
};

}  // namespace lamina::eval
