// SPDX-License-Identifier: MIT
// merge: a model with adapters becomes the plain one whose weights have them inside.
#pragma once

#include <type_traits>
#include <utility>

#include <lamina/arch/adapter.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/arch/trainable.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/told.hpp>
#include <lamina/nn/detail/take_over.hpp>
#include <lamina/nn/gpt2_blocks.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/layer_factors.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/nn/stand_in.hpp>

namespace lamina {

namespace detail {

template <class M, class... Ps>
struct MergedOf {
    using type = StandInModel<M>;
};
template <class M, LanguageModel To>
struct MergedOf<M, To> {
    using type = To;
};
template <Gpt2Blocks M, class... Ps>
requires(each_question_once<Ps...>() && (... && TrainingPolicy<Ps>)) struct MergedOf<M, Ps...> {
    using Trainable = AnswerOr<question::Trainable, trainable::Everything, Ps...>;
    using type = typename Gpt2With<M::architecture, typename M::Policies, adapter::None, targets::All,
                                   execution::Merged, gradients::Stored, Trainable, Ps...>::type;
};

/// Tells what is wrong with a call of `merge`, in one sentence.
template <class M, class To, bool Rvalue, class... Ps>
struct MergeError {
    static constexpr bool adapted = Rvalue && has_adapters<M>();
    static_assert(Rvalue, "lamina: merge: the model is given up for the merged one; write merge(std::move(model))");
    static_assert(!Rvalue || adapted, "lamina: merge: the model has no adapters; use it as it is");
    static_assert(!adapted || Gpt2Blocks<M>,
                  "lamina: merge: what a Decoder's layers become is not told by its type; write "
                  "merge<Plain>(std::move(model)) with the type that has no adapters");
    static constexpr bool trains = (... && TrainingPolicy<Ps>);
    static_assert(!adapted || !Gpt2Blocks<M> || trains,
                  "lamina: merge: a policy says more than how the merged model trains and is stored; leave all out but "
                  "trainable::, precision:: and recompute::");
    static_assert(!adapted || !Gpt2Blocks<M> || !trains || each_question_once<Ps...>(),
                  "lamina: merge: two policies answer the same question; remove one of them");
};
template <class M, LanguageModel To, bool Rvalue>
requires(!StandsIn<M>) struct MergeError<M, To, Rvalue, To> {
    static constexpr bool adapted = Rvalue && has_adapters<M>();
    static_assert(Rvalue, "lamina: merge: the model is given up for the merged one; write merge(std::move(model))");
    static_assert(!Rvalue || adapted, "lamina: merge: the model has no adapters; use it as it is");
    static_assert(!adapted || (same_but_for_adapters<M, To>() && !has_adapters<To>() &&
                               std::is_same_v<typename M::Backend, typename To::Backend>),
                  "lamina: merge: the type to merge into has adapters, other tensors, or another backend; give it the "
                  "model's own layers without adapters");
};
template <StandsIn M, class To, bool Rvalue, class... Ps>
struct MergeError<M, To, Rvalue, Ps...> {};

}  // namespace detail

/// What `merge<Ps...>` makes of a model: for a `Gpt2`, the same with adapter::None; a model type stands for itself.
template <class M, class... Ps>
using Merged = typename detail::MergedOf<M, Ps...>::type;

/// Turns a model with adapters into a plain one that gives the same logits up to rounding, W + scale·A·B for every W:
/// `auto plain = merge(std::move(lora))`.
///
/// Ps       trainable::, for what is not to be everything, precision:: and recompute::, each where it is to be another;
///          or, for a `Decoder`, the type of the model without adapters
/// keeps    all other values, the states of norms, and which token ends a text
/// scalars  as execution::Merged forms the sum: in the compute type, rounded once to what the weights are stored as
/// memory   both models, until it returns; nothing passes through the host
/// cost     2·In·R·Out multiply-adds per adapter, once
template <class... Ps, class M>
Merged<std::remove_reference_t<M>, Ps...> merge(M&& model) {
    using From = std::remove_reference_t<M>;
    using To = Merged<From, Ps...>;
    static_cast<void>(detail::told(detail::mistake<detail::MergeError<From, To, !std::is_reference_v<M>, Ps...>>));
    using Factor = typename LayerFactors<From>::Scalar;
    constexpr double scale = [] {
        if constexpr (From::Policies::Adapter::present) return From::Policies::Adapter::scale;
        return 1.0;  // after an error
    }();
    To to(model.backend());
    const LayerFactors factors(model);
    detail::for_each_pair(model, to, [&](const auto& source, const auto& target) {
        using Stored = typename std::remove_cvref_t<decltype(target)>::Scalar;
        using Base = typename std::remove_cvref_t<decltype(source)>::Scalar;
        if (const auto* const adapter = factors.of_weight(source.entry)) {
            to.backend().run(AffineProduct<Stored, Factor, Factor, Stored, Base>{
                .out = target.values, .lhs = adapter->a, .rhs = adapter->b, .base = source.values, .scale = scale});
        } else {
            to.backend().run(Convert(target.values, source.values));
        }
    });
    detail::take_over_states(model, to);
    to.parameters_changed();
    const From given_up = std::move(model);
    return to;
}

}  // namespace lamina
