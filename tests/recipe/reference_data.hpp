// SPDX-License-Identifier: MIT
// Finds the published configurations' machine-readable record, which is not part of this repository.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace lamina_tests {

/// Path of a file of the reference data; whether it exists is for the caller to ask.
inline std::filesystem::path reference_data(const std::string& file) {
    const char* chosen = std::getenv("LAMINA_SHARED");
    return std::filesystem::path(chosen != nullptr ? chosen : LAMINA_SHARED_DIR) / "reference" / file;
}

}  // namespace lamina_tests
