// SPDX-License-Identifier: MIT
// The matrices of a model's linear layers as what they compute, for formats that have no adapters.
#pragma once

#include <lamina/arch/role.hpp>
#include <lamina/core/matrix_view.hpp>
#include <lamina/nn/host_copies.hpp>
#include <lamina/nn/language_model_concept.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace lamina::io::detail {

/// Gives the values of one tensor when its turn comes, so that no two need exist at once.
using ValueSource = std::function<std::vector<double>()>;

/// Tensors that are not written as the model stores them, by the names of the manifest.
using ValueSources = std::map<std::string, ValueSource>;

/// W + scale·A·B [In, Out] of every linear layer. Valid as long as the model stays where it is.
///
/// By the table of tensors instead of a walk over the layers, whose types would each take their time to compile.
template <LanguageModel M>
[[nodiscard]] ValueSources merged_weights(M& model) {
    using P = typename M::Policies;
    using AdapterScalar = typename P::template StoredAs<Role::adapter>;
    constexpr std::string_view weight_suffix = "weight";
    auto& backend = model.backend();
    const auto factors = std::make_shared<std::map<std::string, MatrixView<const AdapterScalar>>>();
    ValueSources sources;
    model.for_each_tensor([&](const auto& tensor) {
        using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
        const std::string name = tensor.entry.name();
        const MatrixView<const Scalar> values = tensor.values;
        if constexpr (std::is_same_v<Scalar, AdapterScalar>) {
            if (tensor.entry.role == Role::adapter) factors->emplace(name, values);
        }
        if (tensor.entry.role != Role::weight || tensor.entry.rank != 2) return;
        const std::string layer = name.substr(0, name.size() - weight_suffix.size());
        sources.emplace(name, [factors, values, layer, &backend] {
            const HostCopies copies(backend);
            std::vector<double> weight = copies.read(values.data, values.size());
            if constexpr (P::Adapter::present) {
                copies.template add_product<typename P::Compute>(
                    weight, P::Adapter::scale, factors->at(layer + "lora_A"), factors->at(layer + "lora_B"));
            }
            return weight;
        });
    });
    return sources;
}

}  // namespace lamina::io::detail
