// SPDX-License-Identifier: MIT
#include <lamina/recipe/full_rank.hpp>

#include "support/catch.hpp"

using namespace lamina::recipe;
using lamina::DivisorMode;
using lamina::RemovalPhase;

namespace {

static_assert(gpt2_lora_full.removal.finished_at(gpt2_lora_full.layers) == 106);
static_assert(gpt2_medium_lora_full.removal.finished_at(gpt2_medium_lora_full.layers) == 190);
static_assert(gpt2_large_lora_full.removal.finished_at(gpt2_large_lora_full.layers) == 279);
static_assert(gpt2_xl_lora_full.removal.finished_at(gpt2_xl_lora_full.layers) == 363);

static_assert(gpt2_lora_full.listed_first_position == RemovalPhase{116, 0});
static_assert(gpt2_medium_lora_full.listed_first_position == RemovalPhase{200, 0});
static_assert(gpt2_large_lora_full.listed_first_position == RemovalPhase{289, 0});
static_assert(gpt2_xl_lora_full.listed_first_position == RemovalPhase{373, 0});
static_assert(gpt2_medium_lora_full.removal.ln_1_v.last(24) == 185);
static_assert(gpt2_large_lora_full.removal.ln_1_v.last(36) == 274);
static_assert(gpt2_xl_lora_full.removal.ln_1_v.last(48) == 358);

static_assert(gpt2_lora_full.sequences_per_update() == 480 && gpt2_lora_full.steps() == 300);
static_assert(gpt2_medium_lora_full.sequences_per_update() == 512 && gpt2_medium_lora_full.steps() == 500);
static_assert(gpt2_large_lora_full.sequences_per_update() == 256 && gpt2_large_lora_full.steps() == 800);
static_assert(gpt2_xl_lora_full.sequences_per_update() == 128 && gpt2_xl_lora_full.steps() == 1000);

static_assert(full_rank_recipes.size() == 8 + 9, "the first revision, and three sizes at three rates of the second");

}  // namespace

TEST_CASE("full-rank recipes keep their divisors constant and halve their learning rate") {
    for (const Recipe& recipe : full_rank_recipes) {
        INFO(recipe.name);
        CHECK(recipe.adaptation == Adaptation::full_rank);
        CHECK(recipe.rank == 0);
        CHECK(recipe.tracking.mode == DivisorMode::constant);
        CHECK(recipe.tracking.calls_of_ln_1 == 3);
        CHECK(recipe.learning_rate.minimum == recipe.learning_rate.peak / 2);
    }
}

TEST_CASE("the gentle revision clips lower and spreads the end-of-text phase") {
    constexpr Recipe medium = detail::medium_gentle({"", "", 6e-4});
    STATIC_REQUIRE(medium.clip == 0.3);
    STATIC_REQUIRE(medium.removal.ln_2 == RemovalPhase{20, 3});
    STATIC_REQUIRE(medium.removal.ln_1_qk == RemovalPhase{92, 3});
    STATIC_REQUIRE(medium.removal.ln_1_v == RemovalPhase{164, 5});
    STATIC_REQUIRE(medium.removal.ln_f == RemovalPhase{284});
    STATIC_REQUIRE(medium.removal.end_of_text == RemovalPhase{304, 3});
    STATIC_REQUIRE(medium.removal.finished_at(24) == 373);
    STATIC_REQUIRE(medium.listed_first_position == RemovalPhase{396, 3});
    STATIC_REQUIRE(detail::large_gentle({"", "", 6e-4}).removal.finished_at(36) == 546);
    STATIC_REQUIRE(detail::xl_gentle({"", "", 6e-4}).removal.finished_at(48) == 863);
    STATIC_REQUIRE(detail::xl_gentle({"", "", 6e-4}).removal.last_effective(48) == 702);
}
