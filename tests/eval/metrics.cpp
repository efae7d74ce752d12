// SPDX-License-Identifier: MIT
#include <lamina/eval/metrics.hpp>

#include "support/catch.hpp"

#include <limits>

using namespace lamina::eval;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Question question_with(std::vector<std::string> choices, std::size_t gold = 0) {
    return {.context = "", .choices = std::move(choices), .gold = gold};
}

static_assert(name(Metric::acc) == "acc" && name(Metric::acc_norm) == "acc_norm");
static_assert(name(Metric::acc_bytes) == "acc_bytes");
static_assert(length_of("äöü", Metric::acc) == 1);
static_assert(length_of("äöü", Metric::acc_norm) == 3);
static_assert(length_of("äöü", Metric::acc_bytes) == 6);

}  // namespace

TEST_CASE("each metric prefers by its own length") {
    const Question asked = question_with({"no", "äöü", "abcd"});
    CHECK(preferred(asked, Answer({-2, -2.5, -3.5}), Metric::acc) == 0);
    CHECK(preferred(asked, Answer({-2, -2.5, -3.5}), Metric::acc_norm) == 1);   // -1, -0.833, -0.875
    CHECK(preferred(asked, Answer({-2, -2.5, -3.5}), Metric::acc_bytes) == 1);  // -1, -0.417, -0.875
    CHECK(preferred(asked, Answer({-2, -5.5, -7.5}), Metric::acc_bytes) == 1);  // -1, -0.917, -1.875
    CHECK(preferred(asked, Answer({-2, -5.5, -7.5}), Metric::acc_norm) == 0);   // -1, -1.833, -1.875
}

TEST_CASE("the first of equals is preferred") {
    const Question asked = question_with({"aa", "bb", "cc"});
    for (const Metric metric : {Metric::acc, Metric::acc_norm, Metric::acc_bytes}) {
        CHECK(preferred(asked, Answer({-3, -1, -1}), metric) == 1);
        CHECK(preferred(asked, Answer({-1, -1, -1}), metric) == 0);
        CHECK(preferred(asked, Answer({-infinity, -infinity, -infinity}), metric) == 0);
    }
}

TEST_CASE("a choice without a character is preferred to none under a normalised metric") {
    const Question asked = question_with({"", "a"});
    CHECK(preferred(asked, Answer({-1, -100}), Metric::acc) == 0);
    CHECK(preferred(asked, Answer({-1, -100}), Metric::acc_norm) == 1);
    CHECK(preferred(asked, Answer({-1, -100}), Metric::acc_bytes) == 1);
}

TEST_CASE("a metric is the share of questions whose right choice is preferred") {
    const std::vector<Question> questions{question_with({"a", "b"}, 0), question_with({"a", "b"}, 1),
                                          question_with({"a", "bb"}, 1)};
    const std::vector<Answer> answers{Answer({-1, -2}), Answer({-1, -2}), Answer({-1, -1.5})};
    const Measured acc = measure(questions, answers, Metric::acc);
    CHECK(acc.value == Approx(1 / 3.0));
    CHECK(acc.standard_error.value() == Approx(1 / 3.0));  // sqrt(p(1 - p)/(n - 1))
    CHECK(acc.items == 3);
    CHECK(measure(questions, answers, Metric::acc_norm).value == Approx(2 / 3.0));
}

TEST_CASE("every question and every choice has its answer") {
    const std::vector<Question> questions{question_with({"a", "b"})};
    CHECK_THROWS_AS(measure(questions, std::vector<Answer>{}, Metric::acc), lamina::ArgumentError);
    CHECK_THROWS_WITH(measure(questions, std::vector<Answer>{}, Metric::acc),
                      "lamina: measure: 0 answers to 1 questions, expected one each");
    CHECK_THROWS_AS(measure(questions, std::vector<Answer>(2), Metric::acc), lamina::ArgumentError);
    CHECK_THROWS_AS(preferred(questions[0], Answer({-1}), Metric::acc), lamina::ArgumentError);
    CHECK_THROWS_WITH(preferred(questions[0], Answer({-1, -2, -3}), Metric::acc),
                      "lamina: preferred: 3 scores for 2 choices, expected one each, at least one");
    CHECK_THROWS_AS(preferred(question_with({}), Answer{}, Metric::acc), lamina::ArgumentError);
}
