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
#include <array>
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

/// Of each role that has parameters, but adapters: its name, type and checksum, such as "norm BF16 51ab0c9d3e7f2846".
/// Not a defence: it tells apart models that were confused, not ones that were forged.
///
/// method  FNV-1a over words of eight bytes, whose upper half is folded into the lower: a product alone carries a
///         word's top bits to no other
template <AdaptedModel M>
[[nodiscard]] std::vector<std::pair<Role, std::string>> base_checksums(M& model) {
    std::array<std::uint64_t, role_count> hashes{};
    std::array<std::string_view, role_count> types{};
    hashes.fill(0xcbf29ce484222325U);
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role == Role::adapter) return;
        using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
        types[index_of(tensor.entry.role)] = name_of(scalar_type_of<Scalar>);
        std::uint64_t& hash = hashes[index_of(tensor.entry.role)];
        constexpr std::size_t step = std::size_t{1} << 20U;
        std::vector<Scalar> host(std::min(step, tensor.entry.size));
        for (std::size_t start = 0; start < tensor.entry.size; start += step) {
            const std::size_t count = std::min(step, tensor.entry.size - start);
            model.backend().download(host.data(), tensor.values.data + start, count * sizeof(Scalar));
            const auto bytes = std::as_bytes(std::span<const Scalar>(host.data(), count));
            for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
                std::uint64_t word = 0;
                std::memcpy(&word, bytes.data() + i, std::min(sizeof word, bytes.size() - i));
                hash = (hash ^ word) * 0x100000001b3U;
                hash ^= hash >> 32U;
            }
        }
    });
    constexpr std::string_view digits = "0123456789abcdef";
    std::vector<std::pair<Role, std::string>> checksums;
    for (const Role role : all_roles) {
        if (types[index_of(role)].empty()) continue;
        std::string text = std::string(name_of(role)) + ' ' + std::string(types[index_of(role)]) + ' ';
        for (int shift = 60; shift >= 0; shift -= 4) {
            text += digits[(hashes[index_of(role)] >> static_cast<unsigned>(shift)) & 15U];
        }
        checksums.emplace_back(role, std::move(text));
    }
    return checksums;
}

/// What the adapter's training has left as it was: the roles that train besides adapters are the trained model's own.
template <AdaptedModel M>
[[nodiscard]] std::string base_weights(M& model) {
    std::string text;
    for (const auto& [role, checksum] : base_checksums(model)) {
        if (!M::Policies::trains(role)) text += (text.empty() ? "" : ", ") + checksum;
    }
    return text;
}

}  // namespace detail

struct AdapterSaveOptions {
    std::string base_model{};  ///< metadata of that name, for people; left out if empty
    bool base_weights = true;  ///< false for an adapter that is saved without the weights that it goes on
};

/// Writes every adapter tensor under its model name, such as `h.0.attn.c_attn.lora_A` [In, R] and `.lora_B` [R, Out],
/// in the type that the model stores, atomically. Metadata: `rank` and `alpha` ("full" at full rank), `base_weights`,
/// by which load_adapter knows the model that the adapter goes on, and `base_model`. `base_weights` has the type and a
/// checksum of each role that does not train in this model.
///
/// errors  FileError as AtomicFile; ArgumentError when `base_model` is not UTF-8
/// cost    reads all parameters once, for `base_weights`
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
        OtherBase::refuse;  ///< a role of another type, or one that the file does not name, may differ
};

/// Fills a model's adapters from such a file; everything else stays as it was. The base is loaded before its adapter.
///
/// errors  FileError that names the file and the metadata entry or tensor, what was found and what was expected. All
///         but the values is checked before any is written; only after a NaN or an infinity is the adapter partly
///         filled
/// cost    reads all parameters of the base once, to compare them with `base_weights`
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
        for (const auto& [role, expected] : detail::base_checksums(model)) {
            const std::string role_and_type = expected.substr(0, expected.rfind(' ') + 1);
            if (found.find(role_and_type) == found.npos || found.find(expected) != found.npos) continue;
            fail(key, found, expected, "; load the weights that the adapter was trained on, and before it");
        }
    }
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role != Role::adapter) return;
        detail::read_tensor(file, tensor.entry.name(), tensor, model.backend(), options.non_finite);
    });
    model.parameters_changed();
}

}  // namespace lamina::io
