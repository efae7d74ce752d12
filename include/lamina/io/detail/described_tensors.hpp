// SPDX-License-Identifier: MIT
// A safetensors file with the configuration beside it that says what its tensors mean, written so that no reader ever
// finds the one with another's other.
#pragma once

#include <lamina/io/atomic_file.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace lamina::io::detail {

/// Where a pair of files is to be.
struct DescribedFiles {
    std::filesystem::path tensors;
    std::filesystem::path config;
    std::filesystem::path index{};  ///< of earlier tensors in parts, which go as well
};

/// Writes both aside, removes earlier tensors, then puts the configuration in its place and the tensors last: nothing
/// that reads a folder takes one without tensors. What goes wrong before leaves an earlier pair as it was.
///
/// errors  as write_safetensors and write_json
inline void write_described(const DescribedFiles& files, std::vector<TensorToWrite> tensors, const Json& config) {
    AtomicFile described(files.config);
    described.write(json_text(files.config, config));
    AtomicFile file(files.tensors);
    write_tensors(file, std::move(tensors));
    for (const std::filesystem::path& earlier : {files.index, file.path()}) {
        std::error_code error;
        if (!earlier.empty()) std::filesystem::remove(earlier, error);
        if (error) throw_system_error(earlier, "cannot be replaced", error.value());
    }
    sync_folder(folder_of(file.path()));
    described.commit();
    file.commit();
}

}  // namespace lamina::io::detail
