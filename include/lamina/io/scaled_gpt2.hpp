// SPDX-License-Identifier: MIT
// save_scaled_gpt2 and load_scaled_gpt2: a model whose norms are fixed as a stock GPT-2 whose norms hardly measure.
#pragma once

#include <lamina/io/detail/merged_weights.hpp>
#include <lamina/io/detail/model_tensors.hpp>
#include <lamina/io/gpt2_config.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/io/load_options.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/arch/role.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/scalar_type.hpp>
#include <lamina/core/token.hpp>
#include <lamina/nn/fixable_norm.hpp>
#include <lamina/nn/host_copies.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lamina::io {

/// What a stock GPT-2 can be made of once every norm is fixed: transformers' head has no bias.
template <class M>
concept ScalableGpt2 = HasFixableNorms<M> && !M::Policies::Head::own_bias;

/// What becomes of adapters in a format that has none.
enum class AdapterIn : std::uint8_t {
    weights,  ///< merged: W + scale·A·B
    nothing   ///< left out: the base alone, for adapters that are saved on their own
};

struct ScaledSaveOptions {
    AdapterIn adapter = AdapterIn::weights;
    /// F64, F32 or BF16; nothing for F32, or F64 where the model computes in double.
    std::optional<ScalarType> store_as{};
    /// For config.json only; nothing means 50256 with GPT-2's vocabulary, else none.
    std::optional<Token> end_of_text{};
};

/// What a norm of such a folder divides by.
inline constexpr double scaled_norm_divisor = 1e6;

namespace detail {

/// gain · 1e6 / s of every norm, by the names of the manifest.
template <ScalableGpt2 M>
void add_scaled_gains(M& model, ValueSources& sources) {
    std::map<std::string, double> divisors;
    for_each_fixable_norm(model,
                          [&](const std::string& path, const auto& norm) { divisors.emplace(path, norm.constant()); });
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role != Role::norm || tensor.entry.part != Part::weight) return;
        const double s = divisors.at(tensor.entry.layer_name());
        sources.emplace(tensor.entry.name(), [values = tensor.values, s, &backend = model.backend()] {
            std::vector<double> gain = HostCopies(backend).read(values.data, values.size());
            for (double& value : gain) value = value * scaled_norm_divisor / s;
            return gain;
        });
    });
}

}  // namespace detail

/// Writes a model whose norms are all fixed as a folder that transformers' own GPT2LMHeadModel loads, and that gives
/// the same logits there: `layer_norm_epsilon` 1e12, and for every norm weight · 1e6 / s, since
///     (x - mean(x)) / sqrt(variance + 1e12) · (g · 1e6 / s) + b  =  (x - mean(x)) / s · g + b
/// up to a relative variance / 2e12. Adapters are merged into the matrices.
///
/// scalars  in double, but for A·B, which the backend forms as the model would; rounded once to what is stored
/// writes   as save_gpt2: an interrupt never leaves such gains under a configuration that measures
/// errors   ArgumentError that names the first norm that `fold` would refuse, before anything is written, or for F16,
///          which does not reach 1e6; FileError as AtomicFile
/// memory   one tensor at a time besides the model, matrices in double
/// source   docs/original.md, "Export"
template <ScalableGpt2 M>
void save_scaled_gpt2(M& model, const std::filesystem::path& folder, ScaledSaveOptions options = {}) {
    require_fixed_norms(model, "save_scaled_gpt2");
    detail::check_store_as("save_scaled_gpt2", options.store_as);
    if (options.store_as == ScalarType::f16) {
        throw ArgumentError("save_scaled_gpt2: F16 does not hold norms scaled by 1e6, expected F64, F32 or BF16");
    }
    detail::create_folder(folder);

    constexpr bool in_double = std::same_as<typename M::Compute, double>;
    const ScalarType stored_as = options.store_as.value_or(in_double ? ScalarType::f64 : ScalarType::f32);
    detail::ValueSources rewritten;
    if (M::Policies::Adapter::present && options.adapter == AdapterIn::weights) {
        rewritten = detail::merged_weights(model);
    }
    detail::add_scaled_gains(model, rewritten);
    std::vector<TensorToWrite> tensors;
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.role == Role::adapter) return;
        tensors.push_back(detail::tensor_to_write(detail::name_to_write(tensor.entry, NamePrefix::transformer), tensor,
                                                  model.backend(), stored_as));
        if (const auto source = rewritten.find(tensor.entry.name()); source != rewritten.end()) {
            tensors.back().write_data = detail::written_by(source->second);
        }
    });
    Gpt2Facts facts = detail::facts_of<M>(NormKind::measured);
    facts.norm_epsilon = scaled_norm_epsilon;
    detail::write_gpt2_folder(
        folder, std::move(tensors),
        gpt2_config(facts, {.stored_as = stored_as, .end_of_text = detail::end_of_text_of<M>(options.end_of_text)}));
}

/// Fills a model from such a folder, lamina's or the original's: gains stay as they are in the file, and every norm is
/// fixed at the divisor 1e6. Saved again, tensors have the same bytes where the model stores the file's type.
///
/// accepts  what load_gpt2 accepts, but config.json must be there, as only its epsilon tells such a folder from another
/// leaves   adapters as they were
/// errors   as load_gpt2; the states of norms change last
template <ScalableGpt2 M>
void load_scaled_gpt2(M& model, const std::filesystem::path& folder, const LoadOptions& options = {}) {
    detail::Gpt2Folder<M>(folder, options, scaled_norm_epsilon).fill(model, options.non_finite);
    for_each_fixable_norm(model, [](const std::string&, auto& norm) { norm.divide_by(scaled_norm_divisor); });
}

}  // namespace lamina::io
