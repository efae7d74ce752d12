// SPDX-License-Identifier: MIT
// Policies: a list of policies in any order becomes one answer per question.
#pragma once

#include <type_traits>

#include <lamina/arch/adapter.hpp>
#include <lamina/arch/gpt2_variant.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/arch/precision.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/arch/trainable.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/told.hpp>
#include <lamina/nn/layer_norm.hpp>

namespace lamina {

namespace detail {

/// `Answer` alone, or nothing where it need not be said.
template <class Answer, class Default>
using IfNot = std::conditional_t<std::is_same_v<Answer, Default>, PolicyList<>, PolicyList<Answer>>;

/// What trains where nothing is said of it.
template <class AdapterPolicy>
using TrainableBy = std::conditional_t<AdapterPolicy::present, trainable::Roles<Role::adapter>, trainable::Everything>;

template <class List>
struct PolicySetOf;

/// `P` where the layer is among its targets, else the same without the adapter.
template <class P, bool Included>
struct PoliciesAt {
    using type = P;
};
template <class P>
struct PoliciesAt<P, false> {
    using type = typename P::template With<adapter::None, targets::All, typename P::Trainable>;
};

}  // namespace detail

/// One answer to every question; what layers are parameterised with. Spelled through `Policies`, so that `Answers` are
/// those that differ from the defaults, in the order of the questions below, and diagnostics show these alone.
template <class... Answers>
struct PolicySet {
    using Norm = AnswerOr<question::Normalisation, norm::LayerNorm, Answers...>;
    using Adapter = AnswerOr<question::Adapter, adapter::None, Answers...>;
    using Targets = AnswerOr<question::Targets, targets::All, Answers...>;
    using Execution = AnswerOr<question::Execution, execution::Merged, Answers...>;
    using Precision = AnswerOr<question::Precision, precision::Fp32, Answers...>;
    using Trainable = AnswerOr<question::Trainable, detail::TrainableBy<Adapter>, Answers...>;
    using Recompute = AnswerOr<question::Recompute, recompute::None, Answers...>;
    using Gradients = AnswerOr<question::Gradients, gradients::Stored, Answers...>;
    using Device = AnswerOr<question::Device, device::Cpu, Answers...>;
    using Head = AnswerOr<question::Head, head::Tied, Answers...>;
    using ActivationFunction = AnswerOr<question::ActivationFunction, activation::GeluNew, Answers...>;
    using AttentionScale = AnswerOr<question::AttentionScale, attention_scale::InverseRoot, Answers...>;
    using NormEpsilon = AnswerOr<question::NormEpsilon, norm_epsilon::Usual, Answers...>;

    /// The same answers but for those of `Ps`.
    template <class... Ps>
    using With = typename detail::PolicySetOf<PolicyList<Ps..., Answers...>>::type;

    using Base = typename Precision::Base;
    using Gradient = typename Precision::Gradient;
    using Moment = typename Precision::Moment;
    using Activation = typename Precision::Activation;
    using Stream = typename Precision::Stream;
    using Materialised = typename Precision::Materialised;
    using Compute = ComputeOf<Activation>;

    template <Role R>
    using StoredAs = std::conditional_t<R == Role::adapter, typename Precision::Adapter, Base>;

    /// The policies of a linear layer of a block: without the adapter where the targets leave the layer out.
    template <Target T>
    using At = typename detail::PoliciesAt<PolicySet, Targets::includes(T)>::type;

    [[nodiscard]] static constexpr bool trains(Role role) {
        return Trainable::trains(role) && (role != Role::adapter || Adapter::present);
    }
};

namespace detail {

template <class... Ps>
struct PolicySetOf<PolicyList<Ps...>> {
    using All = PolicySet<Ps...>;
    template <class... Answers>
    static PolicySet<Answers...> with(PolicyList<Answers...>);
    using type = decltype(with(
        IfNot<typename All::Norm, norm::LayerNorm>{} + IfNot<typename All::Adapter, adapter::None>{} +
        IfNot<typename All::Targets, targets::All>{} + IfNot<typename All::Execution, execution::Merged>{} +
        IfNot<typename All::Precision, precision::Fp32>{} +
        IfNot<typename All::Trainable, TrainableBy<typename All::Adapter>>{} +
        IfNot<typename All::Recompute, recompute::None>{} + IfNot<typename All::Gradients, gradients::Stored>{} +
        IfNot<typename All::Device, device::Cpu>{} + IfNot<typename All::Head, head::Tied>{} +
        IfNot<typename All::ActivationFunction, activation::GeluNew>{} +
        IfNot<typename All::AttentionScale, attention_scale::InverseRoot>{} +
        IfNot<typename All::NormEpsilon, norm_epsilon::Usual>{}));
};

template <class... Ps>
constexpr bool each_question_once() {
    if constexpr ((... && Policy<Ps>)) {
        return EachQuestionOnce<Ps...>;
    } else {
        return false;
    }
}

/// Gradients can be streamed only where a layer has their sum over the step.
template <class... Ps>
constexpr bool gradients_can_be_formed() {
    return !AnswerOr<question::Gradients, gradients::Stored, Ps...>::streamed ||
           (AnswerOr<question::Adapter, adapter::None, Ps...>::present &&
            AnswerOr<question::Execution, execution::Merged, Ps...>::once_per_step);
}

/// Of any answer but trainable::Roles this is true.
template <class... Ps>
constexpr bool trains_each_role_once() {
    using Trainable = AnswerOr<question::Trainable, trainable::Everything, Ps...>;
    if constexpr (requires { Trainable::each_role_once; }) return Trainable::each_role_once;
    return true;
}

/// Where some layers are chosen, there is an adapter for them.
template <class... Ps>
constexpr bool targets_have_adapter() {
    return AnswerOr<question::Targets, targets::All, Ps...>::every_layer ||
           AnswerOr<question::Adapter, adapter::None, Ps...>::present;
}
template <class... Ps>
constexpr bool names_each_target_once() {
    return AnswerOr<question::Targets, targets::All, Ps...>::each_target_once;
}

template <class... Ps>
constexpr bool legal_policies() {
    if constexpr (each_question_once<Ps...>()) {
        return gradients_can_be_formed<Ps...>() && trains_each_role_once<Ps...>() && targets_have_adapter<Ps...>() &&
               names_each_target_once<Ps...>();
    } else {
        return false;
    }
}

template <class... Ps>
struct PoliciesError {
    static constexpr bool all_are_policies = (... && Policy<Ps>);
    static_assert(all_are_policies,
                  "lamina: Policies: a type in the list is no policy; use the ones in norm::, adapter::, targets::, "
                  "execution::, precision::, trainable::, recompute::, gradients::, device::, head::, activation::, "
                  "attention_scale:: and norm_epsilon::, or give yours a member `answers`");
    // A type that is no policy is told above, once.
    static_assert(!all_are_policies || each_question_once<Ps...>(),
                  "lamina: Policies: two policies answer the same question; remove one of them");
    static_assert(!each_question_once<Ps...>() || gradients_can_be_formed<Ps...>(),
                  "lamina: Policies: gradients::Streamed needs an adapter that is applied once per step; add one with "
                  "execution::Merged or ::Split, or use gradients::Stored");
    static_assert(!each_question_once<Ps...>() || trains_each_role_once<Ps...>(),
                  "lamina: trainable::Roles: a role is named twice, or none is; name each one once, or use "
                  "trainable::Nothing");
    static_assert(
        !each_question_once<Ps...>() || names_each_target_once<Ps...>(),
        "lamina: targets::Only: a layer is named twice, or none is; name each one once, or use adapter::None");
    static_assert(
        !each_question_once<Ps...>() || targets_have_adapter<Ps...>(),
        "lamina: Policies: targets are named, but no adapter to put there; add one, such as adapter::Lora<4>");
};

template <class... Ps>
struct ResolvePolicies {
    // After an error the set is a legal one all the same, so that one mistake is one message.
    using Legal = std::conditional_t<told(mistake<PoliciesError<Ps...>>) && gradients_can_be_formed<Ps...>(),
                                     PolicyList<Ps...>, PolicyList<gradients::Stored, Ps...>>;
    using type = typename PolicySetOf<Legal>::type;
};

}  // namespace detail

/// Ask before spelling `Policies<Ps...>` or a model type with them.
template <class... Ps>
concept LegalPolicies = detail::legal_policies<Ps...>();

/// `Policies<precision::FrozenBf16, adapter::FullRank>`: any order, each question at most once. Defaults:
/// norm::LayerNorm, adapter::None, targets::All, execution::Merged, precision::Fp32, trainable::Roles<Role::adapter>
/// where there is an adapter and trainable::Everything where there is none, recompute::None, gradients::Stored,
/// device::Cpu, head::Tied, activation::GeluNew, attention_scale::InverseRoot, norm_epsilon::Usual.
template <class... Ps>
using Policies = typename detail::ResolvePolicies<Ps...>::type;

}  // namespace lamina
