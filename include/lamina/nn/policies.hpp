// SPDX-License-Identifier: MIT
// Policies: a list of policies in any order becomes one answer per question.
#pragma once

#include <type_traits>

#include <lamina/arch/adapter.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/arch/precision.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/arch/trainable.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/nn/layer_norm.hpp>

namespace lamina {

/// One answer to every question; what layers are parameterised with. Spelled through `Policies`.
template <class NormPolicy, class AdapterPolicy, class ExecutionPolicy, class PrecisionPolicy, class TrainablePolicy,
          class RecomputePolicy, class GradientsPolicy, class DevicePolicy, class HeadPolicy>
struct PolicySet {
    using Norm = NormPolicy;
    using Adapter = AdapterPolicy;
    using Execution = ExecutionPolicy;
    using Precision = PrecisionPolicy;
    using Trainable = TrainablePolicy;
    using Recompute = RecomputePolicy;
    using Gradients = GradientsPolicy;
    using Device = DevicePolicy;
    using Head = HeadPolicy;

    using Base = typename Precision::Base;
    using Gradient = typename Precision::Gradient;
    using Moment = typename Precision::Moment;
    using Activation = typename Precision::Activation;
    using Stream = typename Precision::Stream;
    using Materialised = typename Precision::Materialised;
    using Compute = ComputeOf<Activation>;

    template <Role R>
    using StoredAs = std::conditional_t<R == Role::adapter, typename Precision::Adapter, Base>;

    [[nodiscard]] static constexpr bool trains(Role role) {
        return Trainable::trains(role) && (role != Role::adapter || Adapter::present);
    }
};

namespace detail {

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

template <class... Ps>
constexpr bool legal_policies() {
    if constexpr (each_question_once<Ps...>()) {
        return gradients_can_be_formed<Ps...>();
    } else {
        return false;
    }
}

/// Stands in for the policies after an error, so that one mistake is one message.
struct RejectedSeeFirstError {};

template <class... Ps>
struct ResolvePolicies {
    static constexpr bool all_are_policies = (... && Policy<Ps>);
    static_assert(all_are_policies,
                  "lamina: Policies: a type in the list is no policy; use the ones in norm::, adapter::, execution::, "
                  "precision::, trainable::, recompute::, gradients::, device:: and head::, or give yours a member "
                  "`answers`");

    // A type that is no policy is told above, once.
    static_assert(!all_are_policies || each_question_once<Ps...>(),
                  "lamina: Policies: two policies answer the same question; remove one of them");
    static_assert(!each_question_once<Ps...>() || legal_policies<Ps...>(),
                  "lamina: Policies: gradients::Streamed needs an adapter that is applied once per step; add one with "
                  "execution::Merged or ::Split, or use gradients::Stored");

    using Adapter = AnswerOr<question::Adapter, adapter::None, Ps...>;
    using DefaultTrainable = std::conditional_t<Adapter::present, trainable::AdaptersOnly, trainable::Everything>;
    using type = PolicySet<
        AnswerOr<question::Normalisation, norm::LayerNorm, Ps...>, Adapter,
        AnswerOr<question::Execution, execution::Merged, Ps...>, AnswerOr<question::Precision, precision::Fp32, Ps...>,
        AnswerOr<question::Trainable, DefaultTrainable, Ps...>, AnswerOr<question::Recompute, recompute::None, Ps...>,
        AnswerOr<question::Gradients, gradients::Stored, Ps...>, AnswerOr<question::Device, device::Cpu, Ps...>,
        AnswerOr<question::Head, head::Tied, Ps...>>;
};

}  // namespace detail

/// Ask before spelling `Policies<Ps...>` or a model type with them.
template <class... Ps>
concept LegalPolicies = detail::legal_policies<Ps...>();

/// `Policies<precision::FrozenBf16, adapter::FullRank>`: any order, each question at most once. Defaults:
/// norm::LayerNorm, adapter::None, execution::Merged, precision::Fp32, trainable::AdaptersOnly where there is an
/// adapter and trainable::Everything where there is none, recompute::None, gradients::Stored,
/// device::Cpu, head::Tied.
template <class... Ps>
using Policies = typename detail::ResolvePolicies<Ps...>::type;

}  // namespace lamina
