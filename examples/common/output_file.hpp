// SPDX-License-Identifier: MIT
// OutputFile: the file that a program's --json names, which is not written over unasked.
#pragma once

#include <lamina/core/error.hpp>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <string>
#include <system_error>

namespace common {

struct OutputFile {
    std::string path;
    bool force = false;  ///< whether a file that is there may be replaced

    [[nodiscard]] bool wanted() const { return !path.empty(); }

    /// errors   ArgumentError when something is there
    void protect() const {
        std::error_code ignored;
        if (!wanted() || force || !std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) return;
        throw lamina::ArgumentError("--json " + path + " exists; give another file, or --force to replace it");
    }
};

/// `what` is written there: "the result".
inline void add_flags(CLI::App& app, OutputFile& file, const std::string& what) {
    CLI::Option* const json = app.add_option("--json", file.path, "write " + what + " there as well");
    app.add_flag("--force", file.force, "replace the file of --json")->needs(json->type_name("FILE"));
}

}  // namespace common
