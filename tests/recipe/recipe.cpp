// SPDX-License-Identifier: MIT
#include <lamina/recipe/recipe.hpp>

#include "support/catch.hpp"

using lamina::recipe::EndOfTextTargets;
using lamina::recipe::Recipe;

namespace {

constexpr Recipe bare{};
static_assert(bare.name.empty() && bare.revision.empty() && bare.published_as.empty());
static_assert(bare.sequence_length == 1024 && bare.weight_decay == 0.01);
static_assert(bare.beta1 == 0.9 && bare.beta2 == 0.999 && bare.epsilon == 1e-8);
static_assert(bare.loss_mean == lamina::train::LossMean::of_means, "the published runs; lamina's own recipes say so");
static_assert(bare.end_of_text_targets == EndOfTextTargets::ignored);
static_assert(!bare.removal.removes_every_norm(), "a recipe that says nothing about removal is a control run");

}  // namespace

TEST_CASE("a recipe counts its sequences and tokens per update") {
    constexpr Recipe recipe{.learning_rate = {.peak = 1e-3, .steps = 7}, .micro_batch = 40, .accumulation = 12};
    STATIC_REQUIRE(recipe.steps() == 7);
    STATIC_REQUIRE(recipe.sequences_per_update() == 480);
    STATIC_REQUIRE(recipe.tokens_per_update() == 491'520);
}
