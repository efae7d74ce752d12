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
    explicit AtomicFolder(const std::filesystem::path& path) : path_(without_slash(path)) {
        recover(path_);
        std::error_code ignored;
        const std::filesystem::file_status status = std::filesystem::symlink_status(path_, ignored);
        if (std::filesystem::exists(status) && !std::filesystem::is_directory(status)) {
            throw FileError(path_.string(), "is not a folder");
        }
        aside_ = beside(path_, ".partial");
        retired_ = beside(path_, ".retired");
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

    /// Puts an earlier folder back into its place if a writer was killed just when the place was empty, which takes a
    /// file system that cannot exchange two names. For a reader, before it asks whether there is a folder.
    ///
    /// errors  FileError with the system's reason
    static void recover(const std::filesystem::path& path) {
        const std::filesystem::path place = without_slash(path);
        const std::filesystem::path retired = beside(place, ".retired");
        std::error_code ignored;
        if (std::filesystem::exists(std::filesystem::symlink_status(place, ignored))) return;
        if (!std::filesystem::exists(retired, ignored)) return;
        if (std::rename(retired.c_str(), place.c_str()) != 0) {
            detail::throw_system_error(place, "cannot be put back into its place", errno);
        }
        detail::sync_folder(detail::folder_of(place));
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
    /// "out/" names the folder "out".
    [[nodiscard]] static std::filesystem::path without_slash(const std::filesystem::path& path) {
        return path.has_filename() ? path : path.parent_path();
    }

    [[nodiscard]] static std::filesystem::path beside(const std::filesystem::path& path, const char* ending) {
        return detail::folder_of(path) / ("." + path.filename().string() + ending);
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
