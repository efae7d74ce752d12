// SPDX-License-Identifier: MIT
#include <lamina/recipe/low_rank_xl.hpp>

#include "support/catch.hpp"

using namespace lamina::recipe;
using lamina::RemovalPhase;

namespace {

static_assert(low_rank_xl_recipes.size() == 15);
static_assert(low_rank_xl_recipes[0].removal.last_effective(48) == 1096);
static_assert(low_rank_xl_recipes[0].removal.finished_at(48) == 1371);
static_assert(low_rank_xl_recipes[2].name == "gpt2-xl-lora-64-conservative");
static_assert(low_rank_xl_recipes[2].removal.last_effective(48) == 1384 && low_rank_xl_recipes[2].clip == 0.2);

}  // namespace

TEST_CASE("resumed runs stretch the attention phases and keep the timing of ln_2") {
    constexpr const Recipe& fourth = low_rank_xl_recipes[6];
    STATIC_REQUIRE(fourth.published_as == "gpt2-xl_lora_resume_from_600_v4");
    STATIC_REQUIRE(fourth.removal.ln_2 == RemovalPhase{40, 8});
    STATIC_REQUIRE(fourth.removal.ln_1_qk == RemovalPhase{240, 24});
    STATIC_REQUIRE(fourth.removal.ln_1_v == RemovalPhase{1392, 24});
    STATIC_REQUIRE(fourth.removal.ln_f == RemovalPhase{2544});
    STATIC_REQUIRE(fourth.removal.end_of_text == RemovalPhase{2584, 8});
    STATIC_REQUIRE(fourth.listed_first_position == RemovalPhase{3008, 8});
    STATIC_REQUIRE(fourth.steps() == 3592);
}

TEST_CASE("attempts from checkpoint 600 differ in the shape of their batch only") {
    constexpr const Recipe& fourth = low_rank_xl_recipes[6];
    for (std::size_t index = 7; index < low_rank_xl_recipes.size(); ++index) {
        const Recipe& other = low_rank_xl_recipes[index];
        INFO(other.name);
        CHECK(other.micro_batch != fourth.micro_batch);
        CHECK(other.removal == fourth.removal);
        CHECK(other.learning_rate == fourth.learning_rate);
        // 48 does not divide 512.
        CHECK(other.sequences_per_update() == (other.micro_batch == 48 ? 480 : 512));
    }
}
