// SPDX-License-Identifier: MIT
// find_token_files: the shards that people name, one by one or by the folder that holds them.
#pragma once

#include <lamina/core/error.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace lamina::text {

namespace detail {

/// The files of one folder, by name.
[[nodiscard]] inline std::vector<std::filesystem::path> token_files_in(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> found;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::filesystem::path extension = entry->path().extension();
        std::error_code dangling;
        if ((extension == ".bin" || extension == ".npy") && !entry->is_directory(dangling)) found.push_back(*entry);
    }
    if (error) throw FileError(folder.string(), "cannot be listed: " + error.message());
    if (found.empty()) throw FileError(folder.string(), "has no *.bin and no *.npy, expected token files");
    std::ranges::sort(found);
    const auto named = [&found](std::string_view part) {
        return std::ranges::any_of(found, [part](const std::filesystem::path& file) {
            return file.filename().string().find(part) != std::string::npos;
        });
    };
    // What a model is judged by would become what it is trained on.
    if (named("train") && (named("val") || named("test"))) {
        throw FileError(folder.string(), "has files to train on and others to validate with; name the files instead");
    }
    return found;
}

}  // namespace detail

/// `paths` in their order, each folder replaced by the *.bin and *.npy in it, in the order of their names.
///
/// errors  ArgumentError for no paths; FileError for a folder that cannot be listed, has no such file, or has some that
///         are named after training and some that are named after validation
[[nodiscard]] inline std::vector<std::filesystem::path> find_token_files(
    const std::vector<std::filesystem::path>& paths) {
    if (paths.empty()) throw ArgumentError("no token files given");
    std::vector<std::filesystem::path> files;
    for (const std::filesystem::path& path : paths) {
        std::error_code ignored;
        if (!std::filesystem::is_directory(path, ignored)) {
            files.push_back(path);
            continue;
        }
        const std::vector<std::filesystem::path> within = detail::token_files_in(path);
        files.insert(files.end(), within.begin(), within.end());
    }
    return files;
}

}  // namespace lamina::text
