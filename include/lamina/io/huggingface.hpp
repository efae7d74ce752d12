// SPDX-License-Identifier: MIT
// load_gpt2 and save_gpt2: models from and to folders in Hugging Face's GPT-2 layout.
#pragma once

#include <lamina/io/detail/described_tensors.hpp>
#include <lamina/io/detail/gpt2_names.hpp>
#include <lamina/io/detail/gpt2_tensors.hpp>
#include <lamina/io/detail/merged_weights.hpp>
#include <lamina/io/detail/model_tensors.hpp>
#include <lamina/io/file_kind.hpp>
#include <lamina/io/gpt2_config.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/load_options.hpp>
#include <lamina/io/safetensors_folder.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/scalar_type.hpp>
#include <lamina/core/token.hpp>
#include <lamina/nn/fixable_norm.hpp>
#include <lamina/nn/gpt2_blocks.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/layer_norm.hpp>
#include <lamina/nn/stand_in.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace lamina::io {

/// What the names of a model's tensors start with in a file; those of the head have no prefix in either form.
enum class NamePrefix : std::uint8_t {
    transformer,  ///< "transformer.", as transformers writes it
    none          ///< as in the published GPT-2 files
};

/// What becomes of adapters in a file that has no place for them.
enum class Adapters : std::uint8_t {
    none,      ///< the model has none
    merge,     ///< W + scale·A·B is written for W
    leave_out  ///< the base alone is written, for adapters that are saved on their own (`save_adapter`)
};

struct SaveOptions {
    /// F64, F32, F16 or BF16; nothing for each tensor's own type in the model.
    std::optional<ScalarType> store_as{};
    NamePrefix prefix = NamePrefix::transformer;
    /// For config.json only; nothing means 50256 with GPT-2's vocabulary, else none.
    std::optional<Token> end_of_text{};
};

namespace detail {

/// Whether models of a type compute what transformers' GPT2LMHeadModel does while their norms measure.
template <class M>
[[nodiscard]] consteval bool is_stock_type() {
    if constexpr (Gpt2Blocks<M>) {
        using P = typename M::Policies;
        return !P::Head::own_bias && (HasFixableNorms<M> || std::is_same_v<typename P::Norm, norm::LayerNorm>);
    } else {
        return false;
    }
}

template <class M>
[[nodiscard]] constexpr HeadWeight head_weight_of() {
    return M::Policies::Head::own_weight ? HeadWeight::own : HeadWeight::tied;
}

/// The norms that a model type has before any is fixed.
template <LanguageModel M>
[[nodiscard]] consteval NormKind norm_kind_of() {
    return Manifest<M>::parameters_of(Role::norm) != 0 ? NormKind::measured : NormKind::absent;
}

template <LanguageModel M>
[[nodiscard]] Gpt2Facts facts_of(NormKind norms) {
    Gpt2Facts facts = facts_of_policies<typename M::Policies>(M::architecture);
    facts.norms = norms;
    facts.stock = is_stock_type<M>() && norms == NormKind::measured;
    return facts;
}

/// What a model is now; its norms may be on their way.
template <LanguageModel M>
[[nodiscard]] Gpt2Facts facts_of(M& model) {
    return facts_of<M>(first_fixed_norm(model) ? NormKind::fixed : norm_kind_of<M>());
}

/// The name of a tensor in a file that is written.
[[nodiscard]] inline std::string name_to_write(const TensorEntry& entry, NamePrefix prefix) {
    const bool prefixed = prefix == NamePrefix::transformer && entry.role != Role::head;
    return (prefixed ? std::string(gpt2_prefix) : "") + entry.name();
}

/// A folder whose config, names, shapes and types are those of a model type.
template <LanguageModel M>
struct Gpt2Folder {
    /// From a folder whose norms add the model's epsilon.
    Gpt2Folder(const std::filesystem::path& folder, const LoadOptions& options)
        : Gpt2Folder(folder, options, M::Policies::NormEpsilon::value, is_there(folder / "config.json")) {}

    Gpt2Folder(const std::filesystem::path& folder, const LoadOptions& options, double norm_epsilon,
               bool has_config = true)
        : files(checked_config(folder, norm_epsilon, has_config)),
          tensors(files,
                  {.entries = Manifest<M>::entries,
                   .head = head_weight_of<M>(),
                   .config = has_config ? folder / "config.json" : std::filesystem::path()},
                  options) {}

    /// Fills everything in a model but its adapters and the states of its norms.
    ///
    /// errors  FileError for a NaN or an infinity, unless allowed; the model is then partly filled
    void fill(M& model, NonFinite non_finite) const {
        model.for_each_tensor([&](const auto& tensor) {
            if (tensor.entry.role == Role::adapter) return;
            const std::string name = tensor.entry.name();
            read_tensor(tensors.file_of(name), tensors.stored_name(name), tensor, model.backend(), non_finite);
        });
        model.parameters_changed();
    }

    SafetensorsFolder files;
    Gpt2Tensors tensors;

private:
    [[nodiscard]] static const std::filesystem::path& checked_config(const std::filesystem::path& folder,
                                                                     double norm_epsilon, bool has_config) {
        // The states of norms are loaded on their own.
        constexpr NormKind norms = HasFixableNorms<M> ? NormKind::fixed : norm_kind_of<M>();
        Gpt2Facts facts = facts_of<M>(norms);
        facts.norm_epsilon = norm_epsilon;
        if (has_config) check_gpt2_config(folder / "config.json", facts);
        return folder;
    }
};

/// errors  ArgumentError for a type that is no floating-point one
inline void check_store_as(const std::string& who, std::optional<ScalarType> store_as) {
    if (!store_as || with_stored_float(*store_as, [](auto) {})) return;
    throw ArgumentError(who + ": cannot store as " + std::string(name_of(*store_as)) +
                        ", expected F64, F32, F16 or BF16");
}

/// errors  FileError with the system's reason
inline void create_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) throw FileError(folder.string(), "cannot be created: " + error.message());
}

inline void write_gpt2_folder(const std::filesystem::path& folder, std::vector<TensorToWrite> tensors,
                              const Json& config) {
    write_described({.tensors = folder / "model.safetensors",
                     .config = folder / "config.json",
                     .index = folder / "model.safetensors.index.json"},
                    std::move(tensors), config);
}

/// What config.json says of the end of text unless told otherwise.
template <LanguageModel M>
[[nodiscard]] std::optional<Token> end_of_text_of(std::optional<Token> told) {
    constexpr Token gpt2_end_of_text = 50256;
    if (!told && M::architecture.vocab == gpt2_small.vocab) return gpt2_end_of_text;
    return told;
}

}  // namespace detail

/// Throws what `load_gpt2` would throw before it writes a value, and warns as it does, without a model and without
/// reading a value.
template <LanguageModel M>
void check_gpt2(const std::filesystem::path& folder, const LoadOptions& options = {}) {
    static_cast<void>(detail::Gpt2Folder<M>(folder, options));
}

/// Fills a model from a folder in Hugging Face's GPT-2 layout: `config.json`, if there is one, then
/// `model.safetensors`, or the files that `model.safetensors.index.json` names.
///
/// accepts  names with or without "transformer.", and what wrappers such as torch.compile and DDP put before all of
///          them; F64, F32, F16 and BF16, rounded to what the model stores; causal-mask buffers, which are ignored;
///          where the head is tied, the token embedding as `wte.weight`, as `lm_head.weight` or as both
/// warns    of tensors of other heads, which are ignored unless `others` refuses them
/// leaves   adapters, which such folders do not hold, and the states of norms as they were
/// errors   FileError that names file and field or tensor, what was found and what was expected. Fields, names, shapes
///          and types are checked before any value is written; only after a NaN or an infinity, found on the way, is
///          the model partly filled
/// memory   one tensor at a time besides the model
/// source   docs/gpt2.md, "config.json" and "Tensors"
template <LanguageModel M>
void load_gpt2(M& model, const std::filesystem::path& folder, const LoadOptions& options = {}) {
    detail::Gpt2Folder<M>(folder, options).fill(model, options.non_finite);
}

/// Writes a model's folder: `model.safetensors` and `config.json`, so that an interrupt never leaves one of them with
/// another model's other; an index of an earlier model goes, other files in the folder stay.
/// Loaded and saved again, every tensor has the same bytes, provided the model stores the file's type.
///
/// writes   everything but adapters and the states of norms (`save_norm_states`). A model that transformers'
///          GPT2LMHeadModel would not compute alike, such as a folded one, gets the model type "lamina-gpt2";
///          `lm_head.bias` is lamina's own name. A model with adapters is refused unless `save_gpt2<Adapters::merge>`
///          or `save_gpt2<Adapters::leave_out>` says what becomes of them.
/// scalars  merged in double, but for A·B, which the backend forms as the model would; rounded once to what is stored
/// errors   FileError as AtomicFile; ArgumentError for a type that is no floating-point one, and for names without
///          prefix where the model has a head of its own, which transformers 4.48 does not read
template <Adapters adapters = Adapters::none, LanguageModel M>
void save_gpt2(M& model, const std::filesystem::path& folder, SaveOptions options = {}) {
    static_assert(!M::Policies::Adapter::present || adapters != Adapters::none || lamina::detail::StandsIn<M>,
                  "lamina: save_gpt2: the model has adapters, which this file cannot hold; merge them with "
                  "save_gpt2<Adapters::merge>, or write the base alone with save_gpt2<Adapters::leave_out> and the "
                  "adapters with save_adapter");
    if (M::Policies::Head::own_weight && options.prefix == NamePrefix::none) {
        throw ArgumentError(
            "save_gpt2: a model with a head of its own needs names with prefix; use "
            "NamePrefix::transformer");
    }
    detail::check_store_as("save_gpt2", options.store_as);
    detail::create_folder(folder);

    detail::ValueSources merged;
    if constexpr (M::Policies::Adapter::present && adapters == Adapters::merge) merged = detail::merged_weights(model);
    std::vector<TensorToWrite> tensors;
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role == Role::adapter) return;
        tensors.push_back(detail::tensor_to_write(detail::name_to_write(tensor.entry, options.prefix), tensor,
                                                  model.backend(), options.store_as));
        if (const auto source = merged.find(tensor.entry.name()); source != merged.end()) {
            tensors.back().write_data = detail::written_by(source->second);
        }
    });
    const ScalarType stored_as = options.store_as.value_or(tensors.front().type);
    detail::write_gpt2_folder(
        folder, std::move(tensors),
        gpt2_config(detail::facts_of(model),
                    {.stored_as = stored_as, .end_of_text = detail::end_of_text_of<M>(options.end_of_text)}));
}

}  // namespace lamina::io
