// SPDX-License-Identifier: MIT
// How one model takes over what another has, adapters apart: its tensors, place by place, and what else it was told.
#pragma once

#include <cstddef>

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/manifest.hpp>
#include <lamina/arch/parameter.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/layer_state.hpp>

namespace lamina::detail {

[[nodiscard]] constexpr bool is_factor(const TensorEntry& entry) {
    return entry.part == Part::lora_a || entry.part == Part::lora_b;
}

template <class M>
[[nodiscard]] consteval bool has_adapters() {
    for (const TensorEntry& entry : Manifest<M>::entries) {
        if (is_factor(entry)) return true;
    }
    return false;
}

/// Whether two models have the same tensors in the same order, factors of adapters and types of numbers apart.
template <class From, class To>
[[nodiscard]] consteval bool same_but_for_adapters() {
    const auto next = [](const auto& entries, std::size_t k) {
        while (k < entries.size() && is_factor(entries[k])) ++k;
        return k;
    };
    constexpr const auto& from = Manifest<From>::entries;
    constexpr const auto& to = Manifest<To>::entries;
    std::size_t i = next(from, 0);
    std::size_t k = next(to, 0);
    while (i < from.size() && k < to.size()) {
        const TensorEntry& a = from[i];
        const TensorEntry& b = to[k];
        const bool same = a.group.view() == b.group.view() && a.index == b.index &&
                          a.suffix.view() == b.suffix.view() && a.rank == b.rank && a.shape == b.shape &&
                          a.role == b.role && a.part == b.part;
        if (!same) return false;
        i = next(from, i + 1);
        k = next(to, k + 1);
    }
    return i == from.size() && k == to.size();
}

/// Calls `f(source, target)` for each tensor of `from` and the one in its place in `to`, factors left out.
///
/// cost     a visit to every tensor for every tensor, so that `f` is compiled for the pairs of types alone
template <LanguageModel From, LanguageModel To, class F>
void for_each_pair(From& from, To& to, const F& f) {
    std::size_t place = 0;
    to.for_each_tensor([&](const auto& target) {
        if (is_factor(target.entry)) return;
        std::size_t k = 0;
        from.for_each_tensor([&](const auto& source) {
            if (!is_factor(source.entry) && k++ == place) f(source, target);
        });
        ++place;
    });
}

/// What a model knows besides its tensors: the states of its layers, and which token ends a text.
template <LanguageModel From, LanguageModel To>
void take_over_states(From& from, To& to) {
    set_states(to.layers(), copy_of_states(from.layers()));
    if constexpr (requires { to.set_end_of_text(*from.end_of_text()); }) {
        if (const auto token = from.end_of_text()) to.set_end_of_text(*token);
    }
}

/// `Gpt2` of an architecture with the policies `P`, but those of `Ps` where they answer the same question.
template <Architecture A, class P, class... Ps>
struct Gpt2With : Gpt2With<A, typename P::template With<Ps...>> {};
template <Architecture A, class... Answers>
struct Gpt2With<A, PolicySet<Answers...>> {
    using type = Gpt2<A, Answers...>;
};

/// Policies that say how a model trains and is stored, not what it computes.
template <class P>
concept TrainingPolicy =
    AnswerTo<P, question::Trainable> || AnswerTo<P, question::Recompute> || AnswerTo<P, question::Precision>;

}  // namespace lamina::detail
