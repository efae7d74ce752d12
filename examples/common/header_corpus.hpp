// SPDX-License-Identifier: MIT
// The C++ standard library's headers as a corpus: real text that any machine with a compiler has.
#pragma once

#include <lamina/core/error.hpp>
#include <lamina/text/document_piece.hpp>
#include <lamina/text/valid_utf8.hpp>

#include <range/v3/view/iota.hpp>
#include <range/v3/view/transform.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace common {

/// Which headers are taken.
struct HeaderCorpusOptions {
    std::vector<std::filesystem::path> folders = {};  ///< searched in this order; none: `standard_header_folders()`
    std::size_t byte_budget = std::size_t{4} << 20;   ///< the files taken have at most this many bytes together
};

enum class LicenceComment { kept, stripped };

namespace detail {

/// Folders that hold a folder per version, and folders that hold headers themselves.
inline constexpr std::array versioned_header_folders = {"/usr/include/c++", "/usr/local/include/c++",
                                                        "/Library/Developer/CommandLineTools/SDKs/MacOSX.sdk/usr/"
                                                        "include/c++"};
inline constexpr std::array plain_header_folders = {"/usr/include"};

[[nodiscard]] inline unsigned long version_of(const std::filesystem::path& folder) {
    const std::string name = folder.filename().string();
    const std::size_t digit = name.find_first_of("0123456789");
    unsigned long version = 0;
    for (std::size_t i = digit; i < name.size() && std::isdigit(static_cast<unsigned char>(name[i])) != 0; ++i) {
        version = version * 10 + static_cast<unsigned long>(name[i] - '0');
    }
    return version;
}

// The subfolder of the highest version, the last by name of equal ones. Empty if there is none.
[[nodiscard]] inline std::filesystem::path newest_version(const std::filesystem::path& folder) {
    std::filesystem::path newest;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
        std::error_code unreadable;
        if (!entry.is_directory(unreadable)) continue;
        if (std::pair(version_of(entry.path()), entry.path()) > std::pair(version_of(newest), newest)) {
            newest = entry.path();
        }
    }
    return newest;
}

[[nodiscard]] inline bool is_header(const std::filesystem::path& file) {
    const std::string extension = file.extension().string();
    constexpr std::array known = {"", ".h", ".hh", ".hpp", ".hxx", ".tcc"};
    return std::find(known.begin(), known.end(), extension) != known.end();
}

// All headers below a folder, by path; what cannot be read is passed over.
[[nodiscard]] inline std::vector<std::filesystem::path> headers_below(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    using Options = std::filesystem::directory_options;
    std::filesystem::recursive_directory_iterator entry(folder, Options::skip_permission_denied, error);
    for (; !error && entry != std::filesystem::recursive_directory_iterator{}; entry.increment(error)) {
        std::error_code unreadable;
        if (entry->is_regular_file(unreadable) && is_header(entry->path())) files.push_back(entry->path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

[[nodiscard]] inline bool speaks_of_rights(std::string_view comment) {
    std::string lower;
    for (const char c : comment) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return lower.find("copyright") != std::string::npos || lower.find("licen") != std::string::npos;
}

// End of the comment or blank stretch at `at`; `at` itself if code stands there.
[[nodiscard]] inline std::size_t end_of_comment(std::string_view source, std::size_t at) {
    const auto past = [source](std::size_t found, std::size_t length) {
        return found == std::string_view::npos ? source.size() : found + length;
    };
    if (source.substr(at, 2) == "/*") return past(source.find("*/", at + 2), 2);
    std::size_t end = at;
    while (source.substr(end, 2) == "//")
        end = past(source.find('\n', end), 1);  // lines that follow each other are one
    if (end > at) return end;
    return past(source.find_first_not_of(" \t\r\n", at), 0);
}

[[nodiscard]] inline std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file) throw lamina::FileError(path.string(), "cannot be read");
    return bytes;
}

}  // namespace detail

/// The folders of standard headers that exist here, C++ before C: the newest version below /usr/include/c++ and its
/// like, then /usr/include. The same on every call as long as the machine stays the same.
[[nodiscard]] inline std::vector<std::filesystem::path> standard_header_folders() {
    std::vector<std::filesystem::path> folders;
    for (const char* const folder : detail::versioned_header_folders) {
        if (auto newest = detail::newest_version(folder); !newest.empty()) folders.push_back(std::move(newest));
    }
    for (const char* const folder : detail::plain_header_folders) {
        std::error_code missing;
        if (std::filesystem::is_directory(folder, missing)) folders.emplace_back(folder);
    }
    return folders;
}

/// Header files, folder by folder, by path within each, every file once, until the next would exceed the budget.
///
/// errors  lamina::Error that names the folders searched if there is no header in them, or none within the budget
[[nodiscard]] inline std::vector<std::filesystem::path> find_headers(const HeaderCorpusOptions& options = {}) {
    const auto folders = options.folders.empty() ? standard_header_folders() : options.folders;
    std::vector<std::filesystem::path> files;
    std::set<std::filesystem::path> taken;  // a folder may lie within one searched after it
    std::uintmax_t total = 0;
    bool full = false;
    for (const std::filesystem::path& folder : folders) {
        for (const std::filesystem::path& file : detail::headers_below(folder)) {
            std::error_code vanished;
            const std::uintmax_t size = std::filesystem::file_size(file, vanished);
            if (vanished || size == 0 || !taken.insert(file).second) continue;
            full = total + size > options.byte_budget;
            if (full) break;
            total += size;
            files.push_back(file);
        }
        if (full) break;
    }
    if (!files.empty()) return files;

    std::string searched;
    for (const auto& folder : folders) searched += (searched.empty() ? "" : ", ") + folder.string();
    if (folders.empty()) {
        for (const char* const folder : detail::versioned_header_folders) searched += std::string(folder) + "/*, ";
        for (const char* const folder : detail::plain_header_folders) searched += folder;
    }
    throw lamina::Error(full ? "the first header in " + searched + " is larger than the budget of " +
                                   std::to_string(options.byte_budget) + " bytes"
                             : "no C++ headers found in " + searched);
}

/// The source without what stands before the end of its last leading comment on copyright or licence; all of it if
/// there is no such comment before the first line of code.
[[nodiscard]] inline std::string_view without_licence_comment(std::string_view source) {
    std::size_t at = 0;
    std::size_t keep_from = 0;
    while (at < source.size()) {
        const std::size_t end = detail::end_of_comment(source, at);
        if (end == at) break;
        if (detail::speaks_of_rights(source.substr(at, end - at))) keep_from = end;
        at = end;
    }
    if (keep_from == 0) return source;
    const std::size_t text = source.find_first_not_of(" \t\r\n", keep_from);
    return source.substr(std::min(text, source.size()));
}

/// The files as documents, one a file, each read when it is asked for: a lazy range-v3 view of DocumentPiece. Invalid
/// UTF-8 is replaced.
///
/// errors  while reading: FileError if a file cannot be read
[[nodiscard]] inline auto header_documents(std::vector<std::filesystem::path> files,
                                           LicenceComment licence = LicenceComment::stripped) {
    const auto all = std::make_shared<const std::vector<std::filesystem::path>>(std::move(files));
    return ranges::views::iota(std::size_t{0}, all->size()) | ranges::views::transform([all, licence](std::size_t i) {
               const std::string source = detail::contents((*all)[i]);
               const bool strip = licence == LicenceComment::stripped;
               return lamina::text::DocumentPiece{
                   .text = lamina::text::valid_utf8(strip ? without_licence_comment(source) : source)};
           });
}

}  // namespace common
