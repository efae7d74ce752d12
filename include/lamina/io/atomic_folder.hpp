// SPDX-License-Identifier: MIT
// AtomicFolder: a folder that appears with all its files under its name, or not at all.
#pragma once

#include <lamina/io/detail/file_descriptor.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/expects.hpp>

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace lamina::io {

/// Collects files beside the destination, and on commit() syncs them all and puts the folder in its place. An earlier
/// folder of that name stays whole until then; where the file system can exchange two names, there is no moment
/// without a complete one.
///
/// One writer at a time per destination: what a killed writer left beside it is removed by the next.
class AtomicFolder {
public:
    /// errors  FileError when the parent cannot be written, or `path` is something other than a folder
    explicit AtomicFolder(std::filesystem::path path) : path_(std::move(path)) {
        if (!path_.has_filename()) path_ = path_.parent_path();  // "out/" names the folder "out"
        std::error_code ignored;
        const std::filesystem::file_status status = std::filesystem::symlink_status(path_, ignored);
        if (std::filesystem::exists(status) && !std::filesystem::is_directory(status)) {
            throw FileError(path_.string(), "is not a folder");
        }
        aside_ = sibling(".partial");
        retired_ = sibling(".retired");
        std::filesystem::remove_all(aside_, ignored);
        std::error_code error;
        std::filesystem::create_directory(aside_, error);
        if (error) detail::throw_system_error(path_, "cannot be created", error.value());
    }

    AtomicFolder(const AtomicFolder&) = delete;
    AtomicFolder& operator=(const AtomicFolder&) = delete;
    ~AtomicFolder() {
        std::error_code ignored;
        if (!committed_) std::filesystem::remove_all(aside_, ignored);
    }

    /// Where the files of the folder are to be written, until commit().
    [[nodiscard]] const std::filesystem::path& staging() const noexcept { return aside_; }

    /// The folder that commit() creates or replaces.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Makes the files durable and visible under path(). Call it once, last.
    ///
    /// errors  FileError with the system's reason
    void commit() {
        LAMINA_EXPECTS(!committed_, "AtomicFolder::commit: the folder is already committed");
        sync_contents();
        if (!std::filesystem::exists(path_)) {
            rename(aside_, path_);
        } else if (!exchange(aside_, path_)) {
            replace_in_two_steps();
        }
        committed_ = true;
        detail::sync_folder(detail::folder_of(path_));
        // What was replaced is of no use any more; failing to remove it is no failure of what replaced it.
        std::error_code ignored;
        std::filesystem::remove_all(aside_, ignored);
        std::filesystem::remove_all(retired_, ignored);
    }

private:
    [[nodiscard]] std::filesystem::path sibling(const char* ending) const {
        return detail::folder_of(path_) / ("." + path_.filename().string() + ending);
    }

    void sync_contents() const {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(aside_)) {
            if (entry.is_directory()) {
                detail::sync_folder(entry.path());
            } else if (entry.is_regular_file()) {
                detail::sync_file(detail::open_file(entry.path(), O_RDONLY), entry.path());
            }
        }
        detail::sync_folder(aside_);
    }

    /// True where the file system has changed the two names in one step.
    static bool exchange([[maybe_unused]] const std::filesystem::path& left,
                         [[maybe_unused]] const std::filesystem::path& right) noexcept {
#ifdef RENAME_EXCHANGE
        return ::renameat2(AT_FDCWD, left.c_str(), AT_FDCWD, right.c_str(), RENAME_EXCHANGE) == 0;
#else
        return false;
#endif
    }

    void replace_in_two_steps() const {
        std::error_code ignored;
        std::filesystem::remove_all(retired_, ignored);
        rename(path_, retired_);
        try {
            rename(aside_, path_);
        } catch (...) {
            std::filesystem::rename(retired_, path_, ignored);
            throw;
        }
    }

    void rename(const std::filesystem::path& from, const std::filesystem::path& to) const {
        if (std::rename(from.c_str(), to.c_str()) != 0) detail::throw_system_error(path_, "cannot be replaced", errno);
    }

    std::filesystem::path path_;
    std::filesystem::path aside_;
    std::filesystem::path retired_;
    bool committed_ = false;
};

}  // namespace lamina::io
