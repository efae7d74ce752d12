// SPDX-License-Identifier: MIT
// The golden files (tests/golden/README.md): paths, tensors by name, batches whose labels become targets.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <lamina/arch/visit.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/io/safetensors.hpp>

namespace lamina_tests {

inline std::filesystem::path golden(const std::string& name) {
    return std::filesystem::path(LAMINA_TESTS_DIR) / "golden" / name;
}

template <class T>
std::vector<T> tensor(const lamina::io::SafetensorsFile& file, const std::string& name) {
    std::vector<T> values(file.tensor(name).size());
    file.read_into(name, std::span<T>(values));
    return values;
}

/// Fills every parameter of the model that the file has, under its own name or with the prefix `transformer.`; returns
/// how many those were.
template <class Model>
std::size_t load_parameters(Model& model, const lamina::io::SafetensorsFile& file) {
    std::size_t loaded = 0;
    model.for_each_tensor([&](const auto& tensor) {
        const std::string name = tensor.entry.name();
        const std::string stored = file.find(name) != nullptr ? name : "transformer." + name;
        if (file.find(stored) == nullptr) return;
        file.read_into(stored, std::span(tensor.values.data, tensor.entry.size));
        ++loaded;
    });
    model.parameters_changed();
    return loaded;
}

/// Token ids and what follows each of them, as the files of one batch have it.
class GoldenBatch {
public:
    GoldenBatch(const lamina::io::SafetensorsFile& file, const std::string& labels)
        : batch_(file.tensor("ids").shape[0]),
          sequence_(file.tensor("ids").shape[1]),
          ids_(tensor<lamina::Token>(file, "ids")),
          targets_(ids_.size(), lamina::ignored_target) {
        const auto unshifted = tensor<lamina::Token>(file, labels);
        for (std::size_t i = 0; i + 1 < ids_.size(); ++i) {
            if ((i + 1) % sequence_ != 0) targets_[i] = unshifted[i + 1];
        }
    }

    [[nodiscard]] lamina::TokenBatch view() const { return {ids_, targets_, sequence_}; }
    [[nodiscard]] lamina::Extent extent() const { return {batch_, sequence_}; }

private:
    std::size_t batch_;
    std::size_t sequence_;
    std::vector<lamina::Token> ids_;
    std::vector<lamina::Token> targets_;
};

}  // namespace lamina_tests
