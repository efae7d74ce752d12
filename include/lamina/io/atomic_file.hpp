// SPDX-License-Identifier: MIT
// AtomicFile: a file that appears complete under its name, or not at all.
#pragma once

#include <lamina/io/detail/file_descriptor.hpp>
#include <lamina/io/detail/partial_files.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/expects.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lamina::io {

/// Writes beside the destination, and on commit() syncs and renames. Until then, and after any failure, a file that
/// already has the name is untouched, and nothing is left beside it once the object is gone. What a killed process has
/// left is removed by the next writer of the same file on the same machine; so two machines that share a file system
/// must not write the same file at the same time.
class AtomicFile {
public:
    /// Replaces the file behind `path` on commit(); through a symbolic link, the file that it points to.
    ///
    /// errors  FileError when the folder cannot be written, or `path` is something other than a regular file
    explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
        std::error_code ignored;
        const std::filesystem::file_status status = std::filesystem::status(path_, ignored);
        if (std::filesystem::exists(status)) {
            // Renaming onto a device such as /dev/null would replace the device.
            if (!std::filesystem::is_regular_file(status)) throw FileError(path_.string(), "is not a regular file");
            path_ = std::filesystem::canonical(path_);
        }
        if (!path_.has_filename()) throw FileError(path_.string(), "cannot be written: it has no file name");
        const std::filesystem::path folder = detail::folder_of(path_);
        const std::string name = path_.filename().string();
        detail::remove_abandoned(folder, name);
        // The number counts past the other writers in this process.
        for (int number = 0; !file_.is_open(); ++number) {
            aside_ = folder / detail::partial_name(name, ::getpid(), number);
            file_ = detail::try_open(aside_, O_WRONLY | O_CREAT | O_EXCL);
            if (!file_.is_open() && errno != EEXIST) detail::throw_system_error(path_, "cannot be written", errno);
        }
    }

    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;
    ~AtomicFile() {
        if (!committed_) ::unlink(aside_.c_str());
    }

    /// The file that commit() replaces.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Appends, unbuffered: callers collect small pieces themselves.
    ///
    /// errors  FileError with the system's reason, such as a full disk
    void write(std::span<const std::byte> bytes) {
        LAMINA_EXPECTS(!committed_, "AtomicFile::write: the file is already committed");
        detail::write_all(file_, bytes, path_);
    }
    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

    /// Replaces the first bytes written, for a header that is known only when the rest has been written.
    ///
    /// errors  as write
    void overwrite_start(std::span<const std::byte> bytes) {
        LAMINA_EXPECTS(!committed_, "AtomicFile::overwrite_start: the file is already committed");
        detail::overwrite_start(file_, bytes, path_);
    }

    /// Makes what was written durable and visible under its name. Call it once, last.
    ///
    /// errors  FileError with the system's reason
    void commit() {
        LAMINA_EXPECTS(!committed_, "AtomicFile::commit: the file is already committed");
        detail::sync_file(file_, path_);
        if (const int error = file_.close(); error != 0) detail::throw_system_error(path_, "cannot be written", error);
        if (std::rename(aside_.c_str(), path_.c_str()) != 0) {
            detail::throw_system_error(path_, "cannot be replaced", errno);
        }
        committed_ = true;
        detail::sync_folder(detail::folder_of(path_));
    }

private:
    std::filesystem::path path_;
    std::filesystem::path aside_;
    detail::FileDescriptor file_;
    bool committed_ = false;
};

/// Writes a whole small file atomically.
///
/// errors  as AtomicFile
inline void write_file(const std::filesystem::path& path, std::string_view text) {
    AtomicFile file(path);
    file.write(text);
    file.commit();
}

}  // namespace lamina::io
