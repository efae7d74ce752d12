// SPDX-License-Identifier: MIT
// adapt: a model becomes one with adapters on its frozen weights, in memory.
#pragma once

#include <cstdint>
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
#include <lamina/nn/initialise.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/nn/stand_in.hpp>

namespace lamina {

namespace detail {

/// What may be said of the model that `adapt` makes.
template <class P>
concept AdaptingPolicy = AnswerTo<P, question::Adapter> || AnswerTo<P, question::Targets> ||
    AnswerTo<P, question::Execution> || AnswerTo<P, question::Gradients> || TrainingPolicy<P>;

template <class M, class... Ps>
struct AdaptedOf {
    using type = StandInModel<M>;
};
template <class M, LanguageModel To>
struct AdaptedOf<M, To> {
    using type = To;
};
template <Gpt2Blocks M, class... Ps>
requires(each_question_once<Ps...>() &&
         (... &&
          AdaptingPolicy<Ps>)&&AnswerOr<question::Adapter, adapter::None, Ps...>::present) struct AdaptedOf<M, Ps...> {
    // What trained before is frozen now, unless it is asked for.
    using Trainable = AnswerOr<question::Trainable, trainable::Roles<Role::adapter>, Ps...>;
    using Targets = AnswerOr<question::Targets, targets::All, Ps...>;
    using type = typename Gpt2With<M::architecture, typename M::Policies, Trainable, Targets, Ps...>::type;
};

/// Tells what is wrong with a call of `adapt`, in one sentence.
template <class M, class To, bool Rvalue, class... Ps>
struct AdaptError {
    static constexpr bool plain = Rvalue && !has_adapters<M>();
    static_assert(Rvalue,
                  "lamina: adapt: the model is given up for the adapted one; write adapt<...>(std::move(model))");
    static_assert(!Rvalue || plain,
                  "lamina: adapt: the model has adapters already; merge(std::move(model)) them into its weights first");
    static_assert(!plain || Gpt2Blocks<M>,
                  "lamina: adapt: policies alone do not tell what a Decoder's layers become; write "
                  "adapt<Adapted>(std::move(model)) with the type that has the adapters");
    static constexpr bool adapts = (... && AdaptingPolicy<Ps>);
    static_assert(!plain || !Gpt2Blocks<M> || adapts,
                  "lamina: adapt: a policy says more than how the model is adapted and trains; leave out norm::, "
                  "head:: and device::, which stay the model's own");
    static_assert(!plain || !Gpt2Blocks<M> || !adapts || !each_question_once<Ps...>() ||
                      AnswerOr<question::Adapter, adapter::None, Ps...>::present,
                  "lamina: adapt: no adapter is named; write adapt<adapter::Lora<4>>(std::move(model))");
    static_assert(!plain || !Gpt2Blocks<M> || !adapts || each_question_once<Ps...>(),
                  "lamina: adapt: two policies answer the same question; remove one of them");
};
template <class M, LanguageModel To, bool Rvalue>
requires(!StandsIn<M>) struct AdaptError<M, To, Rvalue, To> {
    static constexpr bool plain = Rvalue && !has_adapters<M>();
    static_assert(Rvalue,
                  "lamina: adapt: the model is given up for the adapted one; write adapt<...>(std::move(model))");
    static_assert(!Rvalue || plain,
                  "lamina: adapt: the model has adapters already; merge(std::move(model)) them into its weights first");
    static_assert(!plain || (same_but_for_adapters<M, To>() && has_adapters<To>() &&
                             std::is_same_v<typename M::Backend, typename To::Backend>),
                  "lamina: adapt: the type to adapt to has no adapters, other tensors besides, or another backend; "
                  "give it the model's own layers with adapters");
};
template <StandsIn M, class To, bool Rvalue, class... Ps>
struct AdaptError<M, To, Rvalue, Ps...> {};

}  // namespace detail

/// What `adapt<Ps...>` makes of a model: for a `Gpt2`, the same with the adapter and other policies of `Ps`; a model
/// type stands for itself.
template <class M, class... Ps>
using Adapted = typename detail::AdaptedOf<M, Ps...>::type;

/// Turns a model into one with adapters that gives the same logits, since B is zero:
/// `auto lora = adapt<adapter::Lora<4>, targets::c_attn>(std::move(base))`.
///
/// Ps       an adapter and, if wanted, targets::, execution::, trainable::, gradients::, precision:: and recompute::;
///          norms, head, device and what is not named stay the model's own, but only adapters train unless
///          trainable:: says otherwise. Or, for a `Decoder`, the type of the model with adapters
/// keeps    all values, converted where the precision differs, the states of norms, and which token ends a text
/// seed     of the adapters' starting values, as in `initialise`
/// memory   both models, until it returns; nothing passes through the host
template <class... Ps, class M>
Adapted<std::remove_reference_t<M>, Ps...> adapt(M&& model, std::uint64_t seed = 1) {
    using From = std::remove_reference_t<M>;
    using To = Adapted<From, Ps...>;
    static_cast<void>(detail::told(detail::mistake<detail::AdaptError<From, To, !std::is_reference_v<M>, Ps...>>));
    To to(model.backend());
    to.initialise(seed, Which::adapters);
    detail::for_each_pair(model, to, [&](const auto& source, const auto& target) {
        to.backend().run(Convert(target.values, source.values));
    });
    detail::take_over_states(model, to);
    to.parameters_changed();
    const From given_up = std::move(model);
    return to;
}

}  // namespace lamina
