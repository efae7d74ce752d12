// SPDX-License-Identifier: MIT
#include <lamina/eval/answer.hpp>

#include <lamina/eval/prefix_scorer.hpp>

#include <lamina/text/byte_tokenizer.hpp>

#include "eval/pretend_model.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace lamina;
using namespace lamina::eval;
using namespace lamina_tests;

namespace {

std::vector<Token> bytes(std::string_view text) { return {text.begin(), text.end()}; }

std::vector<Question> some_questions(std::size_t count) {
    std::vector<Question> questions;
    for (std::size_t i = 0; i < count; ++i) {
        questions.push_back({.context = "question " + std::to_string(i), .choices = {"yes", "no", "perhaps"}});
    }
    return questions;
}

/// Knows nothing: every continuation has the same log-probability.
struct Indifferent {
    double log_probability = 0;
    std::vector<std::size_t> calls{};

    std::vector<Answer> score(std::span<const Request> requests) {
        calls.push_back(requests.size());
        std::vector<Answer> answers;
        for (const Request& request : requests) answers.emplace_back(request.continuations.size(), log_probability);
        return answers;
    }
};

}  // namespace

TEST_CASE("questions are answered in their order, some at a time, from the first that is asked for") {
    std::vector<Token> rows(128);
    std::vector<std::size_t> passes;
    PrefixScorer scorer(PretendModel(rows, passes), {.context = 64, .cache_rows = 128, .pass_tokens = 64});
    const std::vector<Question> questions = some_questions(7);
    std::vector<std::pair<std::size_t, Answer>> answered;
    const AnswerCounts counts =
        answer_questions(scorer, text::ByteTokenizer{}, std::span(questions),
                         {.context = 64, .together = 2, .tokens_together = 1000, .first = 2},
                         [&](std::size_t index, Answer answer) { answered.emplace_back(index, std::move(answer)); });
    CHECK(counts.questions == 5);
    CHECK(counts.cut_off == 0);
    CHECK(counts.harness_tokens == 5 * (3 * 10 + 3 + 2 + 7));
    REQUIRE(answered.size() == 5);
    for (std::size_t i = 0; i < answered.size(); ++i) {
        CHECK(answered[i].first == i + 2);
        std::vector<Token> history = bytes("question " + std::to_string(i + 2));
        double no = 0;
        for (const Token token : bytes(" no")) {
            no += pretend_log_probability(history, token);
            history.push_back(token);
        }
        REQUIRE(answered[i].second.size() == 3);
        CHECK(answered[i].second[1] == Approx(no).epsilon(1e-12));
    }
}

TEST_CASE("tokens without shared beginnings are those of different inputs, over all calls of the scorer") {
    Indifferent scorer{.log_probability = -1};
    const std::vector<Question> questions(5, {.context = "Q", .choices = {"ab", "c"}});
    const AnswerCounts counts = answer_questions(scorer, text::ByteTokenizer{}, std::span(questions),
                                                 {.context = 64, .together = 2}, [](std::size_t, const Answer&) {});
    CHECK(scorer.calls.size() == 3);
    CHECK(counts.harness_tokens == 3 + 2);
}

TEST_CASE("the scorer is given whole questions, and the rest at the end") {
    Indifferent scorer{.log_probability = -1};
    const std::vector<Question> questions = some_questions(5);
    std::size_t answers = 0;
    answer_questions(scorer, text::ByteTokenizer{}, std::span(questions),
                     {.context = 64, .together = 2, .tokens_together = 1000, .first = 0},
                     [&](std::size_t, const Answer&) { ++answers; });
    CHECK(answers == 5);
    CHECK(scorer.calls == std::vector<std::size_t>{2, 2, 1});
}

TEST_CASE("the scorer is given no more tokens at once than it should be, but always a question") {
    Indifferent scorer{.log_probability = -1};
    const std::vector<Question> questions = some_questions(5);
    const auto ignore = [](std::size_t, const Answer&) {};
    AnswerOptions options{.context = 64};
    options.tokens_together = 15;  // ten to a context
    answer_questions(scorer, text::ByteTokenizer{}, std::span(questions), options, ignore);
    CHECK(scorer.calls == std::vector<std::size_t>{2, 2, 1});
    scorer.calls.clear();
    options.tokens_together = 1;
    answer_questions(scorer, text::ByteTokenizer{}, std::span(questions), options, ignore);
    CHECK(scorer.calls == std::vector<std::size_t>(5, 1));
}

TEST_CASE("a scorer that may be given nothing at once is refused") {
    Indifferent scorer{};
    const std::vector<Question> questions = some_questions(1);
    const auto ask = [&](const AnswerOptions& options) {
        answer_questions(scorer, text::ByteTokenizer{}, std::span(questions), options,
                         [](std::size_t, const Answer&) {});
    };
    CHECK_THROWS_AS(ask({.together = 0}), lamina::ArgumentError);
    CHECK_THROWS_WITH(ask({.together = 2, .tokens_together = 0}),
                      "lamina: answer_questions: 2 questions of 0 tokens together, expected at least 1 of each");
}

TEST_CASE("an answer that is no number names the question") {
    Indifferent scorer{.log_probability = std::numeric_limits<double>::quiet_NaN()};
    std::vector<Question> questions = some_questions(1);
    questions.front().where = "a.jsonl: line 3";
    const auto ignore = [](std::size_t, const Answer&) {};
    CHECK_THROWS_WITH(answer_questions(scorer, text::ByteTokenizer{}, std::span(questions), {}, ignore),
                      "a.jsonl: line 3: the log-probability of choice 0 is nan, expected a finite one");
}
