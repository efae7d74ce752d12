// SPDX-License-Identifier: MIT
#include <lamina/eval/question.hpp>

#include "support/catch.hpp"

TEST_CASE("a question is written down as context, choices and the right one") {
    const lamina::eval::Question question{.context = "2 + 2 =", .choices = {"3", "4"}, .gold = 1};
    CHECK(question.choices.at(question.gold) == "4");
    CHECK(question.where.empty());
}
