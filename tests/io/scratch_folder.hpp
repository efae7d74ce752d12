// SPDX-License-Identifier: MIT
// What tests of files need: a folder that vanishes with the test, whole files as strings, and the text of an error.
#pragma once

#include <lamina/core/error.hpp>

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lamina_tests {

/// An empty folder, removed with all that is in it when the object goes.
class ScratchFolder {
public:
    ScratchFolder() : path_((std::filesystem::temp_directory_path() / "lamina-test-XXXXXX").string()) {
        if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot create " + path_);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ~ScratchFolder() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::filesystem::path path() const { return path_; }
    [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path() / name; }

    /// Number of entries, hidden ones included.
    [[nodiscard]] long entries() const {
        return std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator());
    }

private:
    std::string path_;
};

inline std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(file), {}};
}

inline std::filesystem::path write(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
    return path;
}

/// The text of the lamina::Error that `action` throws, without the leading "`path`: " where it starts with that.
template <class Action>
std::string error_text(Action action, const std::filesystem::path& path = {}) {
    try {
        action();
    } catch (const lamina::Error& error) {
        const std::string text = error.what();
        const std::string prefix = path.string() + ": ";
        return !path.empty() && text.starts_with(prefix) ? text.substr(prefix.size()) : text;
    }
    return "no error";
}

}  // namespace lamina_tests
