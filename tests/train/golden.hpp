// SPDX-License-Identifier: MIT
// The golden files that the tests of this room read.
#pragma once

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

namespace lamina_tests {

inline std::filesystem::path golden(const std::string& name) {
    return std::filesystem::path(LAMINA_TESTS_DIR) / "golden" / name;
}

inline nlohmann::json read_golden(const std::string& name) {
    std::ifstream file(golden(name));
    if (!file) throw std::runtime_error("cannot read " + golden(name).string());
    return nlohmann::json::parse(file);
}

}  // namespace lamina_tests
