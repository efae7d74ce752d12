// SPDX-License-Identifier: MIT
// FolderLock: a folder that one program at a time writes to.
#pragma once

#include <lamina/io/detail/file_descriptor.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lamina::io {

/// Held from construction to destruction, and no longer than the process lives: the kernel lets go of it, so that a
/// killed program locks nobody out. It is the lock on a file `.lock`, which has the holder's process number and goes
/// with the lock. Where a file system has no locks, the folder is used without.
class FolderLock {
public:
    static constexpr const char* file_name = ".lock";

    /// errors   FileError when another program holds it, or there is no such folder, or it cannot be written
    explicit FolderLock(const std::filesystem::path& folder) : path_(folder / file_name) {
        // What is locked may be a file that its holder has just taken away: then the next one is to be locked.
        do {
            file_ = detail::try_open(path_, O_RDWR | O_CREAT | O_NOFOLLOW);
            if (!file_.is_open()) detail::throw_system_error(folder, "cannot be written", errno);
            if (!lock(folder)) return;
        } while (!is_in_place());
        const std::string holder = std::to_string(::getpid()) + "\n";
        if (::ftruncate(file_.get(), 0) != 0) return;
        // It is for people: that the disk is full is for those to say who write what matters.
        static_cast<void>(::pwrite(file_.get(), holder.data(), holder.size(), 0) < 0);
    }

    FolderLock(FolderLock&& other) noexcept = default;
    FolderLock& operator=(FolderLock&&) = delete;
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;
    ~FolderLock() {
        if (file_.is_open()) ::unlink(path_.c_str());
    }

private:
    /// Whether there is a lock now; there is none where the file system knows of none.
    [[nodiscard]] bool lock(const std::filesystem::path& folder) const {
        while (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EINTR) continue;
            if (errno != EWOULDBLOCK) return false;
            throw FileError(folder.string(),
                            "another program is writing there" + holder() + "; wait for it, or give another folder");
        }
        return true;
    }

    [[nodiscard]] std::string holder() const {
        std::array<char, 32> text{};
        const ::ssize_t size = ::pread(file_.get(), text.data(), text.size(), 0);
        const std::string_view said(text.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
        const std::string_view number = said.substr(0, said.find('\n'));
        return number.empty() ? "" : ", process " + printable(number);
    }

    [[nodiscard]] bool is_in_place() const {
        struct ::stat held {};
        struct ::stat there {};
        if (::fstat(file_.get(), &held) != 0 || ::stat(path_.c_str(), &there) != 0) return false;
        return held.st_dev == there.st_dev && held.st_ino == there.st_ino;
    }

    std::filesystem::path path_;
    detail::FileDescriptor file_{};
};

}  // namespace lamina::io
