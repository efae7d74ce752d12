// SPDX-License-Identifier: MIT
#include <lamina/arch/trainable.hpp>

#include <type_traits>

#include "support/catch.hpp"

using namespace lamina;

namespace {

template <class Question, class... Ps>
constexpr bool are_answers_to = (... && (AnswerTo<Ps, Question> && std::is_empty_v<Ps>));

/// Whether exactly the `Trained` roles train.
template <class P, Role... Trained>
constexpr bool trains_exactly() {
    for (const Role role : all_roles) {
        const bool expected = (false || ... || (role == Trained));
        if (P::trains(role) != expected) return false;
    }
    return true;
}

}  // namespace

static_assert(are_answers_to<question::Trainable, trainable::Everything, trainable::Roles<Role::adapter>,
                             trainable::Roles<Role::adapter, Role::norm>,
                             trainable::Roles<Role::adapter, Role::embedding>, trainable::Nothing>);
static_assert(are_answers_to<question::Recompute, recompute::None, recompute::PerBlock>);
static_assert(are_answers_to<question::Gradients, gradients::Stored, gradients::Streamed>);
static_assert(are_answers_to<question::Device, device::Cpu, device::Cuda>);
static_assert(are_answers_to<question::Head, head::Tied, head::Untied, head::UntiedWithBias>);

TEST_CASE("a trainable set holds the roles that it names", "[arch]") {
    using enum Role;
    STATIC_REQUIRE(trains_exactly<trainable::Everything, embedding, weight, norm, adapter, head>());
    STATIC_REQUIRE(trains_exactly<trainable::Roles<Role::adapter>, adapter>());
    STATIC_REQUIRE(trains_exactly<trainable::Roles<Role::adapter, Role::norm>, adapter, norm>());
    STATIC_REQUIRE(trains_exactly<trainable::Roles<Role::adapter, Role::embedding>, adapter, embedding>());
    STATIC_REQUIRE(trains_exactly<trainable::Nothing>());
}

TEST_CASE("recompute, gradients and head policies state their facts", "[arch]") {
    STATIC_REQUIRE((!recompute::None::per_block && recompute::PerBlock::per_block));
    STATIC_REQUIRE((!gradients::Stored::streamed && gradients::Streamed::streamed));
    STATIC_REQUIRE((!head::Tied::own_weight && !head::Tied::own_bias));
    STATIC_REQUIRE((head::Untied::own_weight && !head::Untied::own_bias));
    STATIC_REQUIRE((head::UntiedWithBias::own_weight && head::UntiedWithBias::own_bias));
}
