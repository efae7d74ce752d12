// SPDX-License-Identifier: MIT
// LayerFactors: the factors A and B of a model's adapters, found by the weights that they belong to.
#pragma once

#include <cstddef>
#include <map>
#include <type_traits>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/language_model_concept.hpp>

namespace lamina {

/// The factors of every adapted layer of a model, by the number of the layer. Valid as long as the model stays where it
/// is.
template <LanguageModel M>
struct LayerFactors {
    using Scalar = typename M::Policies::template StoredAs<Role::adapter>;
    struct Factors {
        MatrixView<const Scalar> a;  // [In, R]
        MatrixView<const Scalar> b;  // [R, Out]
    };

    explicit LayerFactors(M& model) {
        model.for_each_tensor([&](const auto& tensor) {
            const MatrixView<const typename std::remove_cvref_t<decltype(tensor)>::Scalar> values = tensor.values;
            if constexpr (std::is_same_v<decltype(values), const MatrixView<const Scalar>>) {
                if (tensor.entry.part == Part::lora_a) layers_[tensor.entry.layer].a = values;
                if (tensor.entry.part == Part::lora_b) layers_[tensor.entry.layer].b = values;
            }
        });
    }

    /// Of the layer whose matrix this is; nothing for other tensors, and where there is no adapter.
    [[nodiscard]] const Factors* of_weight(const TensorEntry& entry) const {
        if (entry.role != Role::weight || entry.part != Part::weight) return nullptr;
        const auto found = layers_.find(entry.layer);
        return found == layers_.end() ? nullptr : &found->second;
    }

private:
    std::map<std::size_t, Factors> layers_{};
};

}  // namespace lamina
