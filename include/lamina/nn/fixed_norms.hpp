// SPDX-License-Identifier: MIT
// require_fixed_norms: what must hold of a model's norms before each can be replaced by a constant.
#pragma once

#include <cmath>
#include <string>
#include <type_traits>

#include <lamina/arch/visit.hpp>
#include <lamina/core/error.hpp>
#include <lamina/nn/gpt2_blocks.hpp>
#include <lamina/nn/removable_norm.hpp>
#include <lamina/nn/removable_state.hpp>

namespace lamina {

namespace detail {

template <class M>
consteval bool foldable() {
    if constexpr (Gpt2Blocks<M>) {
        using Norm = typename M::Policies::Norm;
        return std::is_same_v<Norm, norm::Removable> || std::is_same_v<Norm, norm::FixedStd>;
    } else {
        return false;
    }
}

/// Why no constant can stand for a norm, or nothing.
[[nodiscard]] inline std::string obstacle(const RemovableState& state) {
    if (!state.fixed) return "still measures its divisor; fix it first";
    if (!state.values_fixed) return "still measures the divisor of its values; fix that path first";
    if (state.first_position_apart) return "treats the first position apart; merge it with the others first";
    if (state.end_of_text_apart) return "treats end-of-text tokens apart; merge them with the others first";
    if (!(state.divisor > 0) || !std::isfinite(state.divisor)) {
        return "divides by " + std::to_string(state.divisor) + "; expected a positive number";
    }
    return {};
}

}  // namespace detail

/// A GPT-2 whose norms can be fixed, so that `fold` takes it. Whether they are all fixed yet is known at run time.
template <class M>
concept Foldable = detail::foldable<M>();

/// Makes sure that every norm of a model divides every token by one constant; `who` begins the message.
///
/// errors  ArgumentError that names the first norm that still measures, treats the first position or end-of-text tokens
///         apart, or divides by no positive number
template <Foldable M>
void require_fixed_norms(M& model, const std::string& who) {
    walk(model.layers(), [&](const std::string& path, auto& node) {
        if constexpr (requires { node.state.foldable(); }) {
            const std::string problem = detail::obstacle(node.state);
            if (!problem.empty()) throw ArgumentError(who + ": norm " + path + " " + problem);
        }
    });
}

}  // namespace lamina
