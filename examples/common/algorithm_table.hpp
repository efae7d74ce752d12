// SPDX-License-Identifier: MIT
// The algorithms that a backend chose for its products, kept beside what they computed, so that who goes on makes the
// same bits: of the products met by then; for others an algorithm is chosen when they are met. Backends that choose
// none have nothing to keep.
#pragma once

#include <lamina/core/error.hpp>
#include <lamina/io/json_file.hpp>

#include <optional>
#include <string>

namespace common {

inline constexpr const char* algorithms_field = "algorithms";

template <class B>
concept ChoosesAlgorithms = requires(B& backend, const std::string& table) {
    table == backend.exported_algorithms();
    backend.import_algorithms(table);
};

template <class B>
void keep_algorithms(const B& backend, lamina::io::Json& fields) {
    if constexpr (ChoosesAlgorithms<B>) fields[algorithms_field] = backend.exported_algorithms();
}

/// Takes the algorithms over where `fields` has some. Why it could not, where they are another device's or library's:
/// then new ones are chosen, and the run is not the same bits.
template <class B>
[[nodiscard]] std::optional<std::string> take_algorithms(B& backend, const lamina::io::JsonObject& fields) {
    if constexpr (ChoosesAlgorithms<B>) {
        if (!fields.contains(algorithms_field)) return std::nullopt;
        try {
            backend.import_algorithms(fields.require<std::string>(algorithms_field));
        } catch (const lamina::Error& error) {
            return error.what();
        }
    }
    return std::nullopt;
}

}  // namespace common
