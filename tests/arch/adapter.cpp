// SPDX-License-Identifier: MIT
#include <lamina/arch/adapter.hpp>

#include <type_traits>

#include "support/catch.hpp"

using namespace lamina;

template <class... Ps>
constexpr bool all_empty = (... && std::is_empty_v<Ps>);

static_assert(all_empty<adapter::None, adapter::Lora<4>, adapter::FullRank>);
static_assert(all_empty<execution::Factored, execution::Split, execution::Merged>);

static_assert(AnswerTo<adapter::None, question::Adapter>);
static_assert(AnswerTo<adapter::Lora<4>, question::Adapter>);
static_assert(AnswerTo<adapter::FullRank, question::Adapter>);
static_assert(AnswerTo<execution::Factored, question::Execution>);
static_assert(AnswerTo<execution::Split, question::Execution>);
static_assert(AnswerTo<execution::Merged, question::Execution>);

static_assert(!adapter::None::present && adapter::Lora<4>::present && adapter::FullRank::present);
static_assert(adapter::FullRank::identity_start && !adapter::Lora<4>::identity_start);
static_assert(!execution::Factored::once_per_step && execution::Split::once_per_step);
static_assert(execution::Merged::once_per_step);

static_assert(all_empty<targets::All, targets::Only<Target::c_attn>>);
static_assert(AnswerTo<targets::All, question::Targets> && AnswerTo<targets::c_fc, question::Targets>);
static_assert(targets::All::every_layer && !targets::c_attn::every_layer);
static_assert(targets::Only<Target::c_fc, Target::c_attn, Target::mlp_c_proj, Target::attn_c_proj>::every_layer);
static_assert(targets::Only<Target::c_fc, Target::c_attn>::each_target_once);
static_assert(!targets::Only<>::each_target_once && !targets::Only<Target::c_fc, Target::c_fc>::each_target_once);
static_assert(targets::attn_c_proj::includes(Target::attn_c_proj) &&
              !targets::attn_c_proj::includes(Target::mlp_c_proj));
static_assert(targets::mlp_c_proj::includes(Target::mlp_c_proj) && targets::All::includes(Target::c_fc));

TEST_CASE("a low-rank adapter has the rank it was given, a full-rank one that of its input", "[arch]") {
    STATIC_REQUIRE(adapter::Lora<4>::rank(768) == 4);
    STATIC_REQUIRE(adapter::FullRank::rank(768) == 768);
}

TEST_CASE("the scale of an adapter is alpha over rank and 1 unless alpha is given", "[arch]") {
    STATIC_REQUIRE(adapter::Lora<64>::scale == 1.0);
    STATIC_REQUIRE(adapter::Lora<8, 16>::scale == 2.0);
    STATIC_REQUIRE(adapter::Lora<3, 2>::scale == 2.0 / 3.0);
    STATIC_REQUIRE(adapter::FullRank::scale == 1.0);
}
