// SPDX-License-Identifier: MIT
// MemoryMap: a whole file as read-only bytes, without reading it.
#pragma once

#include <lamina/io/detail/file_descriptor.hpp>
#include <lamina/io/file_kind.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>

namespace lamina::io {

/// Maps a regular file into memory for as long as the object lives. Move-only; the bytes stay where they are on a move.
///
/// The file must not be shortened by anybody while it is mapped: reading past its new end ends the program (SIGBUS).
class MemoryMap {
public:
    /// errors  FileError when the file cannot be opened or mapped, or is not a regular file; a symbolic link to nothing
    ///         is named as such
    explicit MemoryMap(const std::filesystem::path& path) {
        const detail::FileDescriptor file = detail::try_open(path, O_RDONLY);
        if (!file.is_open()) fail_to_open(path, errno);
        struct ::stat status {};
        if (::fstat(file.get(), &status) != 0) detail::throw_system_error(path, "cannot be opened", errno);
        if (S_ISDIR(status.st_mode)) fail_kind(path, FileKind::folder, "a file");
        if (!S_ISREG(status.st_mode)) throw FileError(path.string(), "is not a regular file");
        size_ = static_cast<std::size_t>(status.st_size);
        if (size_ == 0) return;  // the system refuses to map nothing
        void* const address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
        if (address == MAP_FAILED) detail::throw_system_error(path, "cannot be mapped", errno);
        address_ = address;
    }

    MemoryMap(MemoryMap&& other) noexcept
        : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    MemoryMap& operator=(MemoryMap&& other) noexcept {
        std::swap(address_, other.address_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~MemoryMap() {
        if (address_ != nullptr) ::munmap(address_, size_);
    }

    /// The contents of the file; aligned to a page at the start, to nothing within.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return {static_cast<const std::byte*>(address_), size_};
    }

    /// Lets the system take back the memory behind `part` of bytes(); what is read again is fetched again.
    ///
    /// For a reader that has copied the part and would otherwise hold a large file in memory twice.
    void forget(std::span<const std::byte> part) const noexcept {
        if (part.empty()) return;
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        const auto offset = static_cast<std::size_t>(part.data() - bytes().data());
        const std::size_t start = offset - offset % page;
        ::madvise(static_cast<std::byte*>(address_) + start, offset + part.size() - start, MADV_DONTNEED);
    }

private:
    void* address_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace lamina::io
