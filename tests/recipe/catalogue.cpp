// SPDX-License-Identifier: MIT
#include <lamina/recipe/catalogue.hpp>

#include "support/catch.hpp"

using namespace lamina::recipe;

namespace {

constexpr bool names_are_unique() {
    for (const Recipe& recipe : all()) {
        for (const Recipe& other : all()) {
            if (&recipe != &other && recipe.name == other.name) return false;
        }
        for (const Alias& alias : aliases) {
            if (alias.name == recipe.name) return false;
        }
    }
    return true;
}
static_assert(names_are_unique());
static_assert(all().size() == 1 + 17 + 14 + 15 + 8);

static_assert(find("gpt2").name == "gpt2-lora-full-6e-4" && find("gpt2").removal.finished_at(12) == 106);
static_assert(find("gpt2-medium").name == "gpt2-medium-lora-full-6e-4" &&
              find("gpt2-medium").removal.finished_at(24) == 190);
static_assert(find("gpt2-large").name == "gpt2-large-lora-full-6e-4" &&
              find("gpt2-large").removal.finished_at(36) == 279);
static_assert(find("gpt2-xl").name == "gpt2-xl-lora-full-6e-4" && find("gpt2-xl").removal.finished_at(48) == 363);
static_assert(find("nano").model == "nano");

}  // namespace

TEST_CASE("every recipe is found by its name, as the same object") {
    for (const Recipe& recipe : all()) CHECK(&find(recipe.name) == &recipe);
}

TEST_CASE("every recipe is complete") {
    for (const Recipe& recipe : all()) {
        INFO(recipe.name);
        CHECK_FALSE(recipe.model.empty());
        CHECK(recipe.layers > 0);
        CHECK(recipe.published_as.empty() == recipe.revision.empty());
        CHECK(recipe.removal.removes_every_norm());
        CHECK_FALSE(recipe.removal.first_position.is_scheduled());
        CHECK(recipe.learning_rate.peak > recipe.learning_rate.minimum);
        CHECK(recipe.learning_rate.minimum > 0);
        CHECK(recipe.learning_rate.warmup <= recipe.removal.ln_2.start + 10);
        REQUIRE(recipe.removal.last_effective(recipe.layers));
        CHECK(*recipe.removal.finished_at(recipe.layers) < recipe.steps());
        CHECK((recipe.rank > 0) == (recipe.adaptation == Adaptation::low_rank));
    }
}

TEST_CASE("an unknown recipe is an error that lists the known ones") {
    using Catch::Matchers::ContainsSubstring;
    using Catch::Matchers::StartsWith;
    CHECK_THROWS_AS(find("gpt3"), lamina::ArgumentError);
    CHECK_THROWS_WITH(
        find("gpt3"),
        StartsWith("recipe: there is no 'gpt3'; expected one of gpt2, gpt2-medium, gpt2-large, gpt2-xl, nano, "));
    for (const Recipe& recipe : all()) CHECK_THROWS_WITH(find(""), ContainsSubstring(std::string(recipe.name)));
}
