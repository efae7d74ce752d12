// SPDX-License-Identifier: MIT
#include <lamina/nn/policies.hpp>

#include <type_traits>

#include <lamina/nn/absent_norm.hpp>
#include <lamina/nn/dynamic_tanh.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "support/catch.hpp"

using namespace lamina;

static_assert(AnswerTo<norm::LayerNorm, question::Normalisation> && AnswerTo<norm::RmsNorm, question::Normalisation>);
static_assert(AnswerTo<norm::Removable, question::Normalisation> && AnswerTo<norm::FixedStd, question::Normalisation>);
static_assert(AnswerTo<norm::Absent, question::Normalisation> && AnswerTo<norm::DynamicTanh, question::Normalisation>);

// What may be asked without an error.
static_assert(LegalPolicies<>);
static_assert(
    LegalPolicies<norm::Removable, adapter::FullRank, execution::Split, precision::Fp64, trainable::Everything,
                  recompute::PerBlock, gradients::Streamed, device::Cpu, head::Untied>);
static_assert(!LegalPolicies<adapter::FullRank, adapter::FullRank>);
static_assert(!LegalPolicies<adapter::FullRank, precision::Fp64, adapter::Lora<4>>);
static_assert(!LegalPolicies<adapter::FullRank, int>);
static_assert(!LegalPolicies<struct Incomplete*>);
static_assert(LegalPolicies<gradients::Stored, adapter::FullRank, execution::Factored>);
static_assert(LegalPolicies<gradients::Streamed, adapter::Lora<4>> && !LegalPolicies<gradients::Streamed>);
static_assert(!LegalPolicies<gradients::Streamed, adapter::FullRank, execution::Factored>);
static_assert(LegalPolicies<trainable::Roles<Role::norm>> && !LegalPolicies<trainable::Roles<>>);
static_assert(!LegalPolicies<trainable::Roles<Role::norm, Role::head, Role::norm>>);

static_assert(LegalPolicies<adapter::Lora<4>, targets::c_attn> && LegalPolicies<targets::All>);
static_assert(!LegalPolicies<targets::c_attn> && !LegalPolicies<adapter::None, targets::c_attn>);
static_assert(!LegalPolicies<adapter::Lora<4>, targets::Only<>>);
static_assert(!LegalPolicies<adapter::Lora<4>, targets::Only<Target::c_fc, Target::c_fc>>);

TEST_CASE("no policies give the defaults", "[nn]") {
    using P = Policies<>;
    STATIC_REQUIRE(std::is_same_v<P::Norm, norm::LayerNorm>);
    STATIC_REQUIRE(std::is_same_v<P::Adapter, adapter::None>);
    STATIC_REQUIRE(std::is_same_v<P::Targets, targets::All>);
    STATIC_REQUIRE(std::is_same_v<P::Execution, execution::Merged>);
    STATIC_REQUIRE(std::is_same_v<P::Precision, precision::Fp32>);
    STATIC_REQUIRE(std::is_same_v<P::Trainable, trainable::Everything>);
    STATIC_REQUIRE(std::is_same_v<P::Recompute, recompute::None>);
    STATIC_REQUIRE(std::is_same_v<P::Gradients, gradients::Stored>);
    STATIC_REQUIRE(std::is_same_v<P::Device, device::Cpu>);
    STATIC_REQUIRE(std::is_same_v<P::Head, head::Tied>);
    STATIC_REQUIRE(std::is_empty_v<P>);
}

TEST_CASE("the order of policies does not matter, not even for the type", "[nn]") {
    using Forward = Policies<norm::Removable, adapter::Lora<4>, precision::FrozenBf16, recompute::PerBlock>;
    using Backward = Policies<recompute::PerBlock, precision::FrozenBf16, adapter::Lora<4>, norm::Removable>;
    STATIC_REQUIRE(std::is_same_v<Forward, Backward>);
    STATIC_REQUIRE(std::is_same_v<Policies<>, Policies<head::Tied, norm::LayerNorm>>);
    STATIC_REQUIRE(!std::is_same_v<Forward, Policies<norm::Removable>>);
}

TEST_CASE("a set names what differs from the defaults, in one order", "[nn]") {
    STATIC_REQUIRE(std::is_same_v<Policies<>, PolicySet<>>);
    STATIC_REQUIRE(std::is_same_v<Policies<adapter::Lora<4>>, PolicySet<adapter::Lora<4>>>);
    STATIC_REQUIRE(std::is_same_v<Policies<recompute::PerBlock, head::Tied, adapter::FullRank, norm::Removable>,
                                  PolicySet<norm::Removable, adapter::FullRank, recompute::PerBlock>>);
    // What trains where nothing is said depends on the adapter.
    STATIC_REQUIRE(
        std::is_same_v<Policies<adapter::FullRank, trainable::Roles<Role::adapter>>, PolicySet<adapter::FullRank>>);
    STATIC_REQUIRE(std::is_same_v<Policies<trainable::Everything>, PolicySet<>>);
    STATIC_REQUIRE(std::is_same_v<Policies<adapter::FullRank, trainable::Everything>,
                                  PolicySet<adapter::FullRank, trainable::Everything>>);
}

TEST_CASE("a set with other answers keeps the rest", "[nn]") {
    using P = Policies<adapter::Lora<4>, precision::FrozenBf16, norm::Removable>;
    STATIC_REQUIRE(std::is_same_v<P::With<>, P>);
    STATIC_REQUIRE(std::is_same_v<P::With<norm::LayerNorm>, Policies<adapter::Lora<4>, precision::FrozenBf16>>);
    STATIC_REQUIRE(std::is_same_v<P::With<adapter::None, head::Untied>,
                                  Policies<precision::FrozenBf16, norm::Removable, head::Untied>>);
}

TEST_CASE("a model with an adapter trains that alone unless told otherwise", "[nn]") {
    STATIC_REQUIRE(std::is_same_v<Policies<adapter::FullRank>::Trainable, trainable::Roles<Role::adapter>>);
    STATIC_REQUIRE(std::is_same_v<Policies<adapter::Lora<4>>::Trainable, trainable::Roles<Role::adapter>>);
    using Told = Policies<adapter::FullRank, trainable::Everything>;
    STATIC_REQUIRE((Told::trains(Role::adapter) && Told::trains(Role::weight)));
}

TEST_CASE("a layer that the targets leave out has the policies but for the adapter", "[nn]") {
    using P = Policies<adapter::Lora<4>, targets::c_attn, precision::FrozenBf16>;
    STATIC_REQUIRE(std::is_same_v<P::At<Target::c_attn>, P>);
    using Rest = P::At<Target::c_fc>;
    STATIC_REQUIRE((!Rest::Adapter::present && std::is_same_v<Rest::Precision, precision::FrozenBf16>));
    STATIC_REQUIRE((!Rest::trains(Role::adapter) && !Rest::trains(Role::weight)));
    STATIC_REQUIRE(std::is_same_v<Policies<adapter::FullRank>::At<Target::c_fc>, Policies<adapter::FullRank>>);
}

TEST_CASE("without an adapter no adapter trains", "[nn]") {
    STATIC_REQUIRE(!Policies<>::trains(Role::adapter));
    STATIC_REQUIRE(!Policies<trainable::Roles<Role::adapter>>::trains(Role::adapter));
    STATIC_REQUIRE(Policies<>::trains(Role::weight));
}

TEST_CASE("adapters may be stored in another type than the rest", "[nn]") {
    using P = Policies<precision::FrozenBf16, adapter::FullRank>;
    STATIC_REQUIRE(std::is_same_v<P::StoredAs<Role::weight>, bf16>);
    STATIC_REQUIRE(std::is_same_v<P::StoredAs<Role::embedding>, bf16>);
    STATIC_REQUIRE(std::is_same_v<P::StoredAs<Role::adapter>, float>);
    STATIC_REQUIRE(std::is_same_v<P::Compute, float>);
    STATIC_REQUIRE(std::is_same_v<Policies<precision::AllBf16>::Compute, float>);
    STATIC_REQUIRE(std::is_same_v<Policies<precision::Fp64>::Compute, double>);
}
