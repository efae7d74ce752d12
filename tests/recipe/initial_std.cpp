// SPDX-License-Identifier: MIT
#include <lamina/recipe/catalogue.hpp>
#include <lamina/recipe/initial_std.hpp>

#include "support/catch.hpp"

using lamina::recipe::initial_std;
using lamina::recipe::InitialStd;

TEST_CASE("the tables have one value per norm of their model") {
    for (const char* model : {"gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"}) {
        INFO(model);
        const InitialStd& table = initial_std(model);
        const std::size_t layers = lamina::recipe::find(model).layers;
        CHECK(table.model == model);
        CHECK(table.average.ln_1.size() == layers);
        CHECK(table.average.ln_2.size() == layers);
        CHECK(table.first_position.ln_1.size() == layers);
        CHECK(table.first_position.ln_2.size() == layers);
        for (const float value : table.average.ln_1) CHECK(value > 0);
        for (const float value : table.average.ln_2) CHECK(value > 0);
    }
}

TEST_CASE("the tables hold the published values") {
    const InitialStd& small = initial_std("gpt2");
    CHECK(small.average.ln_1[0] == 0.16550205647945404F);
    CHECK(small.average.ln_1[11] == 7.88812255859375F);
    CHECK(small.average.ln_2[0] == 1.2034999132156372F);
    CHECK(small.average.ln_2[11] == 14.798440933227539F);
    CHECK(small.average.ln_f == 16.457752227783203F);
    CHECK(small.first_position.ln_1[3] == 92.73070526123047F);
    CHECK(small.first_position.ln_f == 13.863744735717773F);
    CHECK(initial_std("gpt2-medium").average.ln_1[1] == 3.371537208557129F);
    CHECK(initial_std("gpt2-large").average.ln_2[2] == 1.148392915725708F);
    CHECK(initial_std("gpt2-xl").average.ln_f == 17.087799072265625F);
    CHECK(initial_std("gpt2-xl").first_position.ln_1[0] == 0.10485978424549103F);
}

TEST_CASE("a model without published values is an error that says what to do") {
    CHECK_THROWS_AS(initial_std("nano"), lamina::ArgumentError);
    CHECK_THROWS_WITH(initial_std("nano"),
                      "initial standard deviations: none are published for model 'nano'; expected gpt2, gpt2-medium, "
                      "gpt2-large or gpt2-xl, else measure them");
}
