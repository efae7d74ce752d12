// SPDX-License-Identifier: MIT
// Clipping by the global norm of all gradients.
#pragma once

#include <algorithm>
#include <cmath>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/nn/language_model_concept.hpp>

namespace lamina::train {

/// The L2 norm over every gradient of the model; not finite if any gradient is not.
///
/// cost     one read of every gradient; those that are streamed are formed for it, and summed tensor by tensor, which
///          may change the last digits
template <LanguageModel M>
[[nodiscard]] double gradient_norm(M& model) {
    double squares = 0;
    for (const Role role : all_roles) {
        const auto gradients = model.gradients(role);
        if (!gradients.empty()) squares += model.backend().run(SumOfSquares(gradients));
    }
    if constexpr (Manifest<M>::streamed_gradient_elements != 0) {
        model.for_each_trained_tensor([&](const auto& tensor) {
            if (tensor.entry.streams) squares += model.backend().run(SumOfSquares(tensor.gradient));
        });
    }
    return std::sqrt(squares);
}

/// What to multiply gradients by so that their norm is at most `maximum`; 1 when `maximum` is 0, which means no
/// clipping.
///
/// source   docs/method.md, "One update"
[[nodiscard]] inline double clip_scale(double norm, double maximum) {
    return maximum == 0 ? 1 : std::min(1.0, maximum / (norm + 1e-6));
}

}  // namespace lamina::train
