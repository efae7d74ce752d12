// SPDX-License-Identifier: MIT
// fix_remaining_norms: what a removal has not reached yet is removed at once, to see a model as it would be.
#pragma once

#include <cstddef>
#include <string>

#include <lamina/nn/fixable_norm.hpp>
#include <lamina/removal/removable_norm.hpp>

namespace lamina {

/// Fixes every path that still measures at the divisor that its state holds, as if its event had come; returns how many
/// norms had such a path. The published evaluation of a run's hundredth checkpoint did this (docs/original.md,
/// "Contradictions").
template <HasFixableNorms M>
std::size_t fix_remaining_norms(M& model) {
    std::size_t remaining = 0;
    for_each_fixable_norm(model, [&](const std::string&, auto& norm) {
        remaining += norm.state.removed() ? 0 : 1;
        norm.state.fixed = norm.state.values_fixed = true;
        norm.state.hold();
    });
    return remaining;
}

}  // namespace lamina
