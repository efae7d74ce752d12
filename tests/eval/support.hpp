// SPDX-License-Identifier: MIT
// What the tests of evaluation share: the way to the data that is not part of the repository, and a file of some text.
#pragma once

#include "io/scratch_folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace lamina_tests {

/// A file or folder beside the repository; whether it exists is for the caller to ask.
inline std::filesystem::path shared(const std::string& name) {
    const char* const chosen = std::getenv("LAMINA_SHARED");
    return std::filesystem::path(chosen != nullptr ? chosen : LAMINA_SHARED_DIR) / name;
}

/// The error of `use(path)` on a file "items" of this text, without the folder.
template <class Use>
std::string error_of_file(std::string_view text, Use use) {
    const ScratchFolder folder;
    const std::filesystem::path path = write(folder / "items", text);
    std::string error = error_text([&] { static_cast<void>(use(path)); });
    const std::string prefix = folder.path().string() + "/";
    return error.starts_with(prefix) ? error.substr(prefix.size()) : error;
}

}  // namespace lamina_tests
