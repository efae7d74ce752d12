// SPDX-License-Identifier: MIT
// An open POSIX file that closes itself, and its system calls with errors that name the file.
#pragma once

#include <lamina/core/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lamina::io::detail {

/// Throws "PATH: PROBLEM: what the system says about `error`".
[[noreturn]] inline void throw_system_error(const std::filesystem::path& path, std::string_view problem, int error) {
    throw FileError(path.string(), std::string(problem) + ": " + std::system_category().message(error));
}

class FileDescriptor {
public:
    /// Takes over `descriptor`; a negative one is the result of a failed open.
    explicit FileDescriptor(int descriptor = -1) noexcept : descriptor_(descriptor) {}

    FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~FileDescriptor() { static_cast<void>(close()); }

    [[nodiscard]] int get() const noexcept { return descriptor_; }
    [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }

    /// The error number of close(), which is where some file systems report that a write failed; 0 if all is well.
    [[nodiscard]] int close() noexcept {
        if (!is_open()) return 0;
        return ::close(std::exchange(descriptor_, -1)) == 0 ? 0 : errno;
    }

private:
    int descriptor_;
};

/// Not open, with errno set, where the system refuses.
[[nodiscard]] inline FileDescriptor try_open(const std::filesystem::path& path, int flags) noexcept {
    int descriptor = -1;
    do {
        descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    } while (descriptor < 0 && errno == EINTR);
    return FileDescriptor(descriptor);
}

/// errors  FileError "cannot be opened: …"
[[nodiscard]] inline FileDescriptor open_file(const std::filesystem::path& path, int flags) {
    FileDescriptor file = try_open(path, flags);
    if (!file.is_open()) throw_system_error(path, "cannot be opened", errno);
    return file;
}

/// Calls `write(part, done)`, which is one system call, until all of `bytes` are written; `done` counts those before.
template <class Write>
void write_in_parts(std::span<const std::byte> bytes, const std::filesystem::path& path, Write write) {
    constexpr std::size_t largest_write = std::size_t{1} << 30U;  // the system call itself stops short of 2 GiB
    for (std::size_t done = 0; done < bytes.size();) {
        const ::ssize_t written = write(bytes.subspan(done, std::min(bytes.size() - done, largest_write)), done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw_system_error(path, "cannot be written", errno);
        done += static_cast<std::size_t>(written);
    }
}

/// Writes where the last write has ended.
///
/// errors  FileError "cannot be written: …", naming `path`
inline void write_all(const FileDescriptor& file, std::span<const std::byte> bytes, const std::filesystem::path& path) {
    write_in_parts(bytes, path, [&file](std::span<const std::byte> part, std::size_t) {
        return ::write(file.get(), part.data(), part.size());
    });
}

/// Writes over the start of a file; the place of the next write_all stays.
///
/// errors  as write_all
inline void overwrite_start(const FileDescriptor& file, std::span<const std::byte> bytes,
                            const std::filesystem::path& path) {
    write_in_parts(bytes, path, [&file](std::span<const std::byte> part, std::size_t done) {
        return ::pwrite(file.get(), part.data(), part.size(), static_cast<::off_t>(done));
    });
}

/// errors  FileError "cannot be written to disk: …", naming `path`
inline void sync_file(const FileDescriptor& file, const std::filesystem::path& path) {
    if (::fsync(file.get()) != 0) throw_system_error(path, "cannot be written to disk", errno);
}

/// Makes the entries of a folder durable, such as a rename just done in it.
inline void sync_folder(const std::filesystem::path& folder) {
    const FileDescriptor handle = open_file(folder, O_RDONLY | O_DIRECTORY);
    // EINVAL: some network file systems cannot sync a folder, and there is nothing more to be done about it.
    if (::fsync(handle.get()) != 0 && errno != EINVAL) throw_system_error(folder, "cannot be written to disk", errno);
}

/// The folder that holds `path`: "." for a bare name.
[[nodiscard]] inline std::filesystem::path folder_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace lamina::io::detail
