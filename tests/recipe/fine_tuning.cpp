// SPDX-License-Identifier: MIT
#include <cmath>

#include <lamina/recipe/fine_tuning.hpp>

#include "support/catch.hpp"

using namespace lamina::recipe;
using lamina::RemovalPhase;

namespace {

static_assert(fine_tuning_recipes.size() == 8);
constexpr const Recipe& large = fine_tuning_recipes[4];
constexpr const Recipe& xl = fine_tuning_recipes[6];
constexpr const Recipe& xl_auxiliary = fine_tuning_recipes[7];
static_assert(large.removal.last_effective(36) == 534 && xl.removal.last_effective(48) == 356);
static_assert(xl_auxiliary.removal.ln_2 == RemovalPhase{50, 4} && xl_auxiliary.removal.last_effective(48) == 722);
static_assert(xl_auxiliary.listed_first_position == RemovalPhase{734, 0});
static_assert(large.learning_rate.peak == 3e-4 && large.learning_rate.minimum == 4e-5);

}  // namespace

TEST_CASE("fine-tuning recipes train every parameter, half of them with the auxiliary loss") {
    std::size_t with_auxiliary_loss = 0;
    for (const Recipe& recipe : fine_tuning_recipes) {
        INFO(recipe.name);
        CHECK(recipe.adaptation == Adaptation::every_parameter);
        CHECK(recipe.clip == 1.0);
        CHECK(recipe.gain_decay == lamina::train::GainDecay::as_weights);
        CHECK((recipe.auxiliary_loss > 0) == (recipe.name.substr(recipe.name.size() - 4) == "-aux"));
        if (recipe.auxiliary_loss > 0) ++with_auxiliary_loss;
    }
    CHECK(with_auxiliary_loss == 4);
}

TEST_CASE("the momentum of the larger models follows their micro-batch") {
    for (const Recipe& recipe : {large, xl}) {
        const double per_sequence = std::pow(0.9, static_cast<double>(recipe.micro_batch) / 32);
        CHECK(recipe.tracking.momentum == Approx(per_sequence).epsilon(1e-15));
    }
}
