// SPDX-License-Identifier: MIT
// How a backend makes its products, kept beside what they computed, so that who goes on makes the same bits: of the
// products met by then, because the table has them, and of those first met later, because nothing is timed any more
// (CudaBackend::settle_algorithms). Backends that choose nothing have nothing to keep.
#pragma once

#include <lamina/core/error.hpp>
#include <lamina/io/json_file.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace common {

inline constexpr const char* algorithms_field = "algorithms";

template <class B>
concept ChoosesAlgorithms = requires(B& backend, const std::string& table) {
    table == backend.exported_algorithms();
    backend.import_algorithms(table);
    backend.settle_algorithms();
};

/// From now on this run makes its products as one that takes the table does.
template <class B>
void keep_algorithms(B& backend, lamina::io::Json& fields) {
    if constexpr (ChoosesAlgorithms<B>) {
        fields[algorithms_field] = backend.exported_algorithms();
        backend.settle_algorithms();
    }
}

/// Takes the table over where `fields` has one. Why it could not, where it is another device's or library's: then
/// algorithms are timed anew, and the run is not the same bits.
template <class B>
[[nodiscard]] std::optional<std::string> take_algorithms(B& backend, const lamina::io::JsonObject& fields) {
    if constexpr (ChoosesAlgorithms<B>) {
        if (!fields.contains(algorithms_field)) return std::nullopt;
        try {
            backend.import_algorithms(fields.require<std::string>(algorithms_field));
        } catch (const lamina::Error& error) {
            return error.what();
        }
        backend.settle_algorithms();
    }
    return std::nullopt;
}

/// Takes over the table in a file that has nothing else, if there is one. What it does not have is timed as ever.
///
/// errors   FileError where it is none, or another device's or library's
template <ChoosesAlgorithms B>
void read_algorithms(B& backend, const std::filesystem::path& file) {
    if (!std::filesystem::exists(file)) return;
    const lamina::io::JsonFile read(file);
    const auto table = read.object().template require<std::string>(algorithms_field);
    try {
        backend.import_algorithms(table);
    } catch (const lamina::Error& error) {
        throw lamina::FileError(file.string(), error.what() + std::string(", without this file"));
    }
}

template <ChoosesAlgorithms B>
void write_algorithms(const B& backend, const std::filesystem::path& file) {
    lamina::io::write_json(file, {{algorithms_field, backend.exported_algorithms()}});
}

}  // namespace common
