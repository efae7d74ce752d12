// SPDX-License-Identifier: MIT
// hold_divisors: what a model computes stops depending on what it has been given before.
#pragma once

#include <string>

#include <lamina/nn/fixable_norm.hpp>
#include <lamina/removal/removable_norm.hpp>
#include <lamina/removal/std_tracking.hpp>

namespace lamina {

/// Norms that are removed keep the divisors that they have, and evaluations move no average any more. With
/// DivisorMode::track each pass divides by what it measures, and with EvaluationPasses::averaged an evaluation moves
/// what the next one divides by; a model that is to be saved, compared or folded has to be one model.
template <HasFixableNorms M>
void hold_divisors(M& model) {
    for_each_fixable_norm(model, [](const std::string&, auto& norm) {
        if (norm.state.tracking.mode == DivisorMode::track) norm.state.tracking.mode = DivisorMode::freeze;
        norm.state.tracking.evaluation = EvaluationPasses::ignored;
        norm.state.hold();
    });
}

}  // namespace lamina
