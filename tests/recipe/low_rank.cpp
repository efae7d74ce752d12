// SPDX-License-Identifier: MIT
#include <lamina/recipe/low_rank.hpp>

#include "support/catch.hpp"

using namespace lamina::recipe;
using lamina::DivisorMode;
using lamina::RemovalPhase;

namespace {

constexpr Recipe small = low_rank_recipes.front();
static_assert(small.name == "gpt2-lora-64-1e-3" && small.rank == 64 && small.steps() == 746);
static_assert(small.removal.last_effective(12) == 246 && small.removal.finished_at(12) == 386);
static_assert(small.listed_first_position == RemovalPhase{426, 10});
static_assert(low_rank_recipes.size() == 8 + 3 + 3, "small, medium and large");

constexpr const Recipe& named(std::string_view name) {
    for (const Recipe& recipe : low_rank_recipes) {
        if (recipe.name == name) return recipe;
    }
    return low_rank_recipes.front();
}

}  // namespace

TEST_CASE("low-rank recipes keep tracking after removal, and clip lower than full-rank ones") {
    for (const Recipe& recipe : low_rank_recipes) {
        INFO(recipe.name);
        CHECK(recipe.adaptation == Adaptation::low_rank);
        CHECK(recipe.rank >= 64);
        CHECK(recipe.tracking.mode == DivisorMode::track);
        CHECK(recipe.clip <= 0.3);
    }
}

TEST_CASE("the run without an end-of-text phase ends its schedule with ln_f") {
    constexpr const Recipe& recipe = named("gpt2-lora-64-noeot-1e-3");
    STATIC_REQUIRE(recipe.steps() == 446);
    STATIC_REQUIRE(recipe.removal.finished_at(12) == 246);
    STATIC_REQUIRE(!recipe.listed_first_position.is_scheduled());
}

TEST_CASE("medium and large follow their own timing") {
    constexpr const Recipe& medium = named("gpt2-medium-lora-64-1e-3");
    STATIC_REQUIRE(medium.sequences_per_update() == 500);
    STATIC_REQUIRE(medium.removal.ln_f == RemovalPhase{462});
    STATIC_REQUIRE(medium.removal.finished_at(24) == 607);
    constexpr const Recipe& large = named("gpt2-large-lora-64-conservative");
    STATIC_REQUIRE(large.clip == 0.2);
    STATIC_REQUIRE(large.learning_rate.warmup == 50);
    STATIC_REQUIRE(large.removal.ln_f == RemovalPhase{1048});
    STATIC_REQUIRE(large.removal.finished_at(36) == 1368);
    STATIC_REQUIRE(named("gpt2-large-lora-64-3e-3").removal.finished_at(36) == 893);
}
