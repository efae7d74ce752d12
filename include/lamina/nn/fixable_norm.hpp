// SPDX-License-Identifier: MIT
// FixableNorm: a LayerNorm that may divide by a constant, and what can be asked of a model with such norms.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>

#include <lamina/arch/visit.hpp>
#include <lamina/core/error.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/gpt2_blocks.hpp>

namespace lamina {

/// A LayerNorm that may divide by a constant instead of the deviation that it measures. At run time it says which.
///
/// divides_by_constant()    whether it does so on any path
/// obstacle_to_constant()   why no constant stands for what it divides by, as the end of a sentence, or nothing
/// constant()               what it divides by, where there is no obstacle
/// divide_by(s)             makes it divide every token by s
template <class N>
concept FixableNorm = requires(N& norm, const N& asked, double s) {
    { asked.divides_by_constant() } -> std::same_as<bool>;
    { asked.obstacle_to_constant() } -> std::convertible_to<std::string>;
    { asked.constant() } -> std::convertible_to<double>;
    norm.divide_by(s);
};

namespace detail {

struct AnyFixableNorm : LayerProperty {
    template <class Node>
    static constexpr bool of = FixableNorm<Node>;
};

template <class M>
consteval bool has_fixable_norms() {
    if constexpr (Gpt2Blocks<M>) {
        return FixableNorm<NormFor<typename M::Policies, M::architecture.embed>>;
    } else {
        return false;
    }
}

}  // namespace detail

/// A GPT-2 whose norms may all divide by constants. Whether they do is known at run time.
template <class M>
concept HasFixableNorms = detail::has_fixable_norms<M>();

/// Calls `f(path, norm)` for every such norm of a model, in the order of its layers.
template <class M, class F>
void for_each_fixable_norm(M& model, const F& f) {
    for_each_named_node<detail::AnyFixableNorm>(model.layers(), f);
}

/// The name of the first norm that divides by a constant on any path.
template <class M>
[[nodiscard]] std::optional<std::string> first_fixed_norm(M& model) {
    std::optional<std::string> found;
    for_each_fixable_norm(model, [&](const std::string& path, const auto& norm) {
        if (!found && norm.divides_by_constant()) found = path;
    });
    return found;
}

/// Makes sure that every norm of a model divides every token by one constant; `who` begins the message.
///
/// errors  ArgumentError that names the first norm of which that is not true, and why
template <HasFixableNorms M>
void require_fixed_norms(M& model, const std::string& who) {
    for_each_fixable_norm(model, [&](const std::string& path, const auto& norm) {
        const std::string problem = norm.obstacle_to_constant();
        if (!problem.empty()) throw ArgumentError(who + ": norm " + path + " " + problem);
    });
}

}  // namespace lamina
