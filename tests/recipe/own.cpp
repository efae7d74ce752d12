// SPDX-License-Identifier: MIT
#include <lamina/recipe/own.hpp>

#include <lamina/recipe/catalogue.hpp>

#include "support/catch.hpp"

using namespace lamina::recipe;

namespace {

constexpr lamina::Architecture eight{.layers = 8, .heads = 8, .embed = 64, .context = 500, .vocab = 102};
constexpr Recipe own = own_recipe("eight", eight);
static_assert(own.layers == 8 && own.model == "eight" && own.published_as.empty());
static_assert(own.sequence_length == 500 && own.micro_batch == 4 && own.accumulation == 4);
static_assert(own_recipe("gpt2", lamina::gpt2_small).sequences_per_update() == 16);

}  // namespace

TEST_CASE("lamina's own recipe removes every norm of any number of layers before its run is half over") {
    for (const std::size_t layers : {1, 2, 3, 6, 12, 48}) {
        lamina::Architecture size = eight;
        size.layers = layers;
        const Recipe recipe = own_recipe("some", size);
        INFO(layers);
        CHECK(recipe.removal.removes_every_norm());
        CHECK(recipe.removal.finished_at(layers) < recipe.steps() / 2);
        CHECK(recipe.removal.ln_2.start >= recipe.learning_rate.warmup);
    }
}

TEST_CASE("a published recipe over other layers begins its phases when it did, and ends in time") {
    for (const Recipe& published : all()) {
        const Recipe recipe = laid_out(published, "eight", eight);
        INFO(published.name);
        CHECK(recipe.layers == 8);
        CHECK(recipe.sequence_length <= 500);
        CHECK(recipe.steps() == published.steps());
        CHECK(recipe.removal.ln_2.start == published.removal.ln_2.start);
        CHECK(recipe.removal.ln_f.start == published.removal.ln_f.start);
        CHECK(recipe.removal.removes_every_norm());
        CHECK(recipe.removal.ln_1_v.last(8) <= recipe.removal.ln_f.start);
    }
    const Recipe same = laid_out(find("gpt2"), "gpt2", lamina::gpt2_small);
    CHECK(same.removal == find("gpt2").removal);
}

TEST_CASE("what a recipe trains is one word, and can be said in one") {
    CHECK(adapter_of(find("gpt2")) == "full");
    CHECK(adapter_of(find("gpt2-lora-64-1e-3")) == "64");
    CHECK(adapter_of(find("gpt2-xl-finetune-aux")) == "none");
    Recipe recipe = find("gpt2");
    for (const char* const word : {"none", "full", "8", "256"}) {
        set_adapter(recipe, word);
        CHECK(adapter_of(recipe) == word);
    }
    for (const char* const word : {"", "0", "-1", "half", "8x"}) {
        CHECK_THROWS_AS(set_adapter(recipe, word), lamina::ArgumentError);
    }
}
