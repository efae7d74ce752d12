// SPDX-License-Identifier: MIT
// The matrices of a model's linear layers as what they compute, for formats that have no adapters.
#pragma once

#include <lamina/io/safetensors_writer.hpp>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/host_copies.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/layer_factors.hpp>

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lamina::io::detail {

/// Gives the values of one tensor when its turn comes, so that no two need exist at once.
using ValueSource = std::function<std::vector<double>()>;

/// What writes the values of one tensor, for TensorToWrite.
[[nodiscard]] inline std::function<void(TensorSink&)> written_by(ValueSource source) {
    return [values_of = std::move(source)](TensorSink& sink) {
        const std::vector<double> values = values_of();
        sink.write(std::span<const double>(values));
    };
}

/// Tensors that are not written as the model stores them, by the names of the manifest.
using ValueSources = std::map<std::string, ValueSource>;

/// W + scale·A·B [In, Out] of every linear layer. Valid as long as the model stays where it is.
///
/// By the table of tensors instead of a walk over the layers, whose types would each take their time to compile.
template <LanguageModel M>
[[nodiscard]] ValueSources merged_weights(M& model) {
    using P = typename M::Policies;
    auto& backend = model.backend();
    const auto factors = std::make_shared<const LayerFactors<M>>(model);
    ValueSources sources;
    model.for_each_tensor([&](const auto& tensor) {
        using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
        const TensorEntry& entry = tensor.entry;
        const MatrixView<const Scalar> values = tensor.values;
        if (entry.role != Role::weight || entry.rank != 2) return;
        sources.emplace(entry.name(), [factors, values, entry = &entry, &backend] {
            const HostCopies copies(backend);
            std::vector<double> weight = copies.read(values.data, values.size());
            if constexpr (P::Adapter::present) {
                if (const auto* const adapter = factors->of_weight(*entry)) {
                    copies.template add_product<typename P::Compute>(weight, P::Adapter::scale, adapter->a, adapter->b);
                }
            }
            return weight;
        });
    });
    return sources;
}

}  // namespace lamina::io::detail
