// SPDX-License-Identifier: MIT
#include <lamina/nn/policies.hpp>

#include <type_traits>

#include <lamina/nn/absent_norm.hpp>
#include <lamina/nn/dynamic_tanh.hpp>
#include <lamina/nn/removable_norm.hpp>

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

TEST_CASE("no policies give the defaults", "[nn]") {
    using P = Policies<>;
    STATIC_REQUIRE(std::is_same_v<P::Norm, norm::LayerNorm>);
    STATIC_REQUIRE(std::is_same_v<P::Adapter, adapter::None>);
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

TEST_CASE("a model with an adapter trains that alone unless told otherwise", "[nn]") {
    STATIC_REQUIRE(std::is_same_v<Policies<adapter::FullRank>::Trainable, trainable::AdaptersOnly>);
    STATIC_REQUIRE(std::is_same_v<Policies<adapter::Lora<4>>::Trainable, trainable::AdaptersOnly>);
    using Told = Policies<adapter::FullRank, trainable::Everything>;
    STATIC_REQUIRE((Told::trains(Role::adapter) && Told::trains(Role::weight)));
}

TEST_CASE("without an adapter no adapter trains", "[nn]") {
    STATIC_REQUIRE(!Policies<>::trains(Role::adapter));
    STATIC_REQUIRE(!Policies<trainable::AdaptersOnly>::trains(Role::adapter));
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
