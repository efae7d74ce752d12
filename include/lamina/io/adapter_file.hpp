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
#include <lamina/core/scalar_type.hpp>
#include <lamina/nn/language_model_concept.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>
#include <span>
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

/// Type and checksum of the weights that adapters go on, such as "BF16 51ab0c9d3e7f2846". Not a defence: it tells apart
/// models that were confused, not ones that were forged.
///
/// method  FNV-1a over words of eight bytes
template <AdaptedModel M>
[[nodiscard]] std::string base_weights(M& model) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    const auto mix = [&hash](std::uint64_t word) { hash = (hash ^ word) * 0x100000001b3U; };
    std::string_view type;
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role != Role::weight) return;
        using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
        type = name_of(scalar_type_of<Scalar>);
        constexpr std::size_t step = std::size_t{1} << 20U;
        std::vector<Scalar> host(std::min(step, tensor.entry.size));
        for (std::size_t start = 0; start < tensor.entry.size; start += step) {
            const std::size_t count = std::min(step, tensor.entry.size - start);
            model.backend().download(host.data(), tensor.values.data + start, count * sizeof(Scalar));
            const auto bytes = std::as_bytes(std::span<const Scalar>(host.data(), count));
            for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
                std::uint64_t word = 0;
                std::memcpy(&word, bytes.data() + i, std::min(sizeof word, bytes.size() - i));
                mix(word);
            }
        }
    });
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = std::string(type) + ' ';
    for (int shift = 60; shift >= 0; shift -= 4) text += digits[(hash >> static_cast<unsigned>(shift)) & 15U];
    return text;
}

}  // namespace detail

struct AdapterSaveOptions {
    std::string base_model{};  ///< metadata of that name, for people; left out if empty
    bool base_weights = true;  ///< false for an adapter that is saved without the weights that it goes on
};

/// Writes every adapter tensor under its model name, such as `h.0.attn.c_attn.lora_A` [In, R] and `.lora_B` [R, Out],
/// in the type that the model stores, atomically. Metadata: `rank` and `alpha` ("full" at full rank), `base_weights`,
/// by which load_adapter knows the weights that the adapter goes on, and `base_model`.
///
/// errors  FileError as AtomicFile; ArgumentError when `base_model` is not UTF-8
template <AdaptedModel M>
void save_adapter(M& model, const std::filesystem::path& file, const AdapterSaveOptions& options = {}) {
    std::vector<TensorToWrite> tensors;
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role != Role::adapter) return;
        tensors.push_back(detail::tensor_to_write(tensor.entry.name(), tensor, model.backend()));
    });
    SafetensorsMetadata metadata{{"format", "pt"}};
    for (auto& entry : detail::adapter_metadata<typename M::Policies::Adapter>()) metadata.push_back(entry);
    if (options.base_weights) metadata.push_back({"base_weights", detail::base_weights(model)});
    if (!options.base_model.empty()) metadata.push_back({"base_model", options.base_model});
    write_safetensors(file, std::move(tensors), metadata);
}

/// What load_adapter does about an adapter that was saved on other weights than the model has.
enum class OtherBase : std::uint8_t { refuse, allow };

struct AdapterLoadOptions {
    NonFinite non_finite = NonFinite::refuse;
    OtherBase other_base =
        OtherBase::refuse;  ///< weights of another type, or a file that does not tell, are not refused
};

/// Fills a model's adapters from such a file; everything else stays as it was. The base is loaded before its adapter.
///
/// errors  FileError that names the file and the metadata entry or tensor, what was found and what was expected. All
///         but the values is checked before any is written; only after a NaN or an infinity is the adapter partly
///         filled
/// cost    reads all weights of the base once, to compare them with `base_weights`
template <AdaptedModel M>
void load_adapter(M& model, const std::filesystem::path& path, const AdapterLoadOptions& options = {}) {
    const SafetensorsFile file(path);
    const auto fail = [&file](std::string_view key, const std::string& found, const std::string& expected,
                              const std::string& advice) {
        throw FileError(file.path().string(), "metadata \"" + std::string(key) + "\" is " + in_quotes(found) +
                                                  ", expected " + in_quotes(expected) + advice);
    };
    for (const auto& [key, expected] : detail::adapter_metadata<typename M::Policies::Adapter>()) {
        for (const auto& [found_key, found] : file.metadata()) {
            if (found_key == key && found != expected) fail(key, found, expected, "");
        }
    }
    std::set<std::string, std::less<>> wanted;
    for (const TensorEntry& entry : Manifest<M>::entries) {
        if (entry.role != Role::adapter) continue;
        wanted.insert(entry.name());
        detail::check_tensor(file, entry.name(), entry);
    }
    detail::refuse_others(file, wanted, "is none of the model's adapters");
    for (const auto& [key, found] : file.metadata()) {
        if (key != "base_weights" || options.other_base == OtherBase::allow) continue;
        const std::string expected = detail::base_weights(model);
        const auto type_of = [](const std::string& weights) { return weights.substr(0, weights.find(' ')); };
        if (found == expected || type_of(found) != type_of(expected)) continue;
        fail(key, found, expected, "; load the weights that the adapter was trained on, and before it");
    }
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role != Role::adapter) return;
        detail::read_tensor(file, tensor.entry.name(), tensor, model.backend(), options.non_finite);
    });
    model.parameters_changed();
}

}  // namespace lamina::io
