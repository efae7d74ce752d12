// SPDX-License-Identifier: MIT
// OutFolder: the folder that --out names, which one program at a time writes to.
#pragma once

#include <lamina/core/error.hpp>
#include <lamina/io/folder_lock.hpp>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace common {

/// Makes the folder where it is missing, and holds it; when it goes, a folder that it made and nobody wrote to goes too.
class OutFolder {
public:
    /// errors   FileError when the folder cannot be made or written, or another program writes there
    explicit OutFolder(std::filesystem::path folder) : path_(std::move(folder)) {
        std::error_code error;
        made_ = std::filesystem::create_directories(path_, error);
        if (error) throw lamina::FileError(path_.string(), "cannot be created: " + error.message());
        lock_.emplace(path_);
    }

    OutFolder(const OutFolder&) = delete;
    OutFolder& operator=(const OutFolder&) = delete;
    ~OutFolder() {
        lock_.reset();
        std::error_code ignored;
        if (made_) std::filesystem::remove(path_, ignored);  // which it does if it is empty
    }

private:
    std::filesystem::path path_;
    bool made_ = false;
    std::optional<lamina::io::FolderLock> lock_{};
};

/// The names in a folder, sorted, hidden ones left out.
[[nodiscard]] inline std::vector<std::string> visible_names(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    for (const std::filesystem::directory_entry& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with('.')) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace common
