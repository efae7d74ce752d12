// SPDX-License-Identifier: MIT
// save_adapter and load_adapter: a model's low- or full-rank factors in one safetensors file.
#pragma once

#include <lamina/io/detail/model_tensors.hpp>
#include <lamina/io/detail/number_text.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_header.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/nn/language_model_concept.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lamina::io {

/// A language model that has adapters to be saved.
template <class M>
concept AdaptedModel = LanguageModel<M> && M::Policies::Adapter::present;

namespace detail {

/// What the metadata say of an adapter policy; y = x·W + b + alpha / rank · (x·A)·B, or without a factor at full rank.
template <class Adapter>
[[nodiscard]] SafetensorsMetadata adapter_metadata() {
    // A rank that follows the layer's width is no number of its own.
    if (Adapter::rank(1) != Adapter::rank(2)) return {{"rank", "full"}, {"alpha", "full"}};
    const auto rank = static_cast<double>(Adapter::rank(1));
    return {{"rank", decimal_text(rank, 0)}, {"alpha", decimal_text(rank * Adapter::scale, 0)}};
}

}  // namespace detail

/// Writes every adapter tensor under its model name, such as `h.0.attn.c_attn.lora_A` [In, R] and `.lora_B` [R, Out],
/// in the type that the model stores, atomically. Metadata: `rank` and `alpha` ("full" at full rank) and `base_model`.
///
/// errors  FileError as AtomicFile; ArgumentError when `base_model` is not UTF-8
template <AdaptedModel M>
void save_adapter(M& model, const std::filesystem::path& file, const std::string& base_model = {}) {
    std::vector<TensorToWrite> tensors;
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role != Role::adapter) return;
        tensors.push_back(detail::tensor_to_write(tensor.entry.name(), tensor, model.backend()));
    });
    SafetensorsMetadata metadata{{"format", "pt"}};
    for (auto& entry : detail::adapter_metadata<typename M::Policies::Adapter>()) metadata.push_back(entry);
    if (!base_model.empty()) metadata.push_back({"base_model", base_model});
    write_safetensors(file, std::move(tensors), metadata);
}

/// Fills a model's adapters from such a file; everything else stays as it was.
///
/// errors  FileError that names the file and the metadata entry or tensor, what was found and what was expected. All
/// but
///         the values is checked before any is written; only after a NaN or an infinity is the adapter partly filled
template <AdaptedModel M>
void load_adapter(M& model, const std::filesystem::path& path, NonFinite non_finite = NonFinite::refuse) {
    const SafetensorsFile file(path);
    for (const auto& [key, expected] : detail::adapter_metadata<typename M::Policies::Adapter>()) {
        for (const auto& [found_key, found] : file.metadata()) {
            if (found_key != key || found == expected) continue;
            throw FileError(path.string(),
                            "metadata \"" + key + "\" is " + in_quotes(found) + ", expected " + in_quotes(expected));
        }
    }
    std::set<std::string, std::less<>> wanted;
    for (const TensorEntry& entry : Manifest<M>::entries) {
        if (entry.role != Role::adapter) continue;
        wanted.insert(entry.name());
        detail::check_tensor(file, entry.name(), entry);
    }
    detail::refuse_others(file, wanted, "is none of the model's adapters");
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role != Role::adapter) return;
        detail::read_tensor(file, tensor.entry.name(), tensor, model.backend(), non_finite);
    });
    model.parameters_changed();
}

}  // namespace lamina::io
