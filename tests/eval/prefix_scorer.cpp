// SPDX-License-Identifier: MIT
#include <lamina/eval/prefix_scorer.hpp>

#include <lamina/core/error.hpp>

#include "eval/pretend_model.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <random>
#include <set>
#include <span>
#include <vector>

using namespace lamina;
using namespace lamina::eval;
using namespace lamina_tests;

namespace {

static_assert(Scorer<PrefixScorer<PretendModel>>);

/// A scorer with its cache, whose rows hold a token that no sequence has.
struct Bench {
    explicit Bench(const PassLimits& limits)
        : rows(limits.cache_rows, 999), scorer(PretendModel(rows, passes), limits) {}

    std::vector<Token> rows;
    std::vector<std::size_t> passes{};
    PrefixScorer<PretendModel> scorer;
};

std::vector<Answer> one_by_one(std::span<const Request> requests) {
    std::vector<Answer> answers;
    for (const Request& request : requests) {
        Answer& answer = answers.emplace_back();
        for (const std::vector<Token>& continuation : request.continuations) {
            std::vector<Token> history = request.context;
            double sum = 0;
            for (const Token token : continuation) {
                sum += pretend_log_probability(history, token);
                history.push_back(token);
            }
            answer.push_back(sum);
        }
    }
    return answers;
}

void check_same(const std::vector<Answer>& found, const std::vector<Answer>& expected) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        REQUIRE(found[i].size() == expected[i].size());
        for (std::size_t j = 0; j < found[i].size(); ++j) CHECK(found[i][j] == Approx(expected[i][j]).epsilon(1e-12));
    }
}

}  // namespace

TEST_CASE("four endings share their context, which is computed once") {
    Bench bench({.context = 16, .cache_rows = 32, .pass_tokens = 32});
    const std::vector<Request> requests{{{1, 2, 3, 4, 5}, {{6, 7}, {8, 9}, {6, 9}, {7, 7, 7}}}};
    check_same(bench.scorer.score(requests), one_by_one(requests));
    // The context, and of the endings all but their last tokens; "6" stands in two of them.
    CHECK(bench.scorer.tokens() == 5 + 1 + 1 + 2);
}

TEST_CASE("letters are asked of one position") {
    Bench bench({.context = 16, .cache_rows = 32, .pass_tokens = 32});
    const std::vector<Request> requests{{{1, 2, 3, 4, 5}, {{6}, {7}, {8}, {9}}}};
    check_same(bench.scorer.score(requests), one_by_one(requests));
    CHECK(bench.passes == std::vector<std::size_t>{5});
}

TEST_CASE("a trunk is kept from one call to the next, and left when questions begin otherwise") {
    Bench bench({.context = 64, .cache_rows = 128, .pass_tokens = 64});
    std::vector<Token> shots(40, 5);
    const auto ask = [&](Token subject, Token number) {
        std::vector<Token> context = shots;
        context.front() = subject;
        context.insert(context.end(), {number, 3});
        return Request{context, {{6}, {7}}};
    };
    const std::vector<Request> first{ask(1, 10), ask(1, 11)};
    const std::vector<Request> second{ask(1, 12), ask(1, 13)};
    const std::vector<Request> third{ask(2, 10), ask(2, 11)};
    check_same(bench.scorer.score(first), one_by_one(first));
    CHECK(bench.scorer.tokens() == 40 + 2 * 2);
    check_same(bench.scorer.score(second), one_by_one(second));
    CHECK(bench.scorer.tokens() == 40 + 4 * 2);
    check_same(bench.scorer.score(third), one_by_one(third));
    CHECK(bench.scorer.tokens() == 40 + 4 * 2 + 40 + 2 * 2);
}

TEST_CASE("whatever the requests and the limits, answers are those of the whole sequences") {
    for (const unsigned seed : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
        std::mt19937 random(seed);
        const auto below = [&random](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
        Bench bench({.context = 12, .cache_rows = 24 + below(20), .pass_tokens = 12 + below(20)});
        std::size_t whole = 0;
        for (int call = 0; call < 4; ++call) {
            std::vector<Request> requests(1 + below(20));
            std::set<std::vector<Token>> inputs;
            for (Request& request : requests) {
                // Few tokens, so that beginnings are shared by chance, and some sequences begin others.
                for (std::size_t i = 0, n = 1 + below(8); i < n; ++i)
                    request.context.push_back(static_cast<Token>(below(2)));
                for (std::size_t c = 0, n = 1 + below(4); c < n; ++c) {
                    std::vector<Token> continuation;
                    for (std::size_t i = 0, m = 1 + below(5); i < m; ++i)
                        continuation.push_back(static_cast<Token>(below(2)));
                    std::vector<Token> input = request.context;
                    input.insert(input.end(), continuation.begin(), continuation.end() - 1);
                    inputs.insert(std::move(input));
                    request.continuations.push_back(std::move(continuation));
                }
            }
            for (const std::vector<Token>& input : inputs) whole += input.size();
            check_same(bench.scorer.score(requests), one_by_one(requests));
        }
        CHECK(bench.scorer.tokens() <= whole);
        for (const std::size_t tokens : bench.passes) CHECK(tokens <= 12 + 20);
    }
}

TEST_CASE("after a pass that threw, a scorer answers as if it had not been asked") {
    const std::vector<Request> first{{{1, 2, 3, 4, 5}, {{6, 7}, {8, 9}}}, {{1, 2, 3, 4, 6}, {{6, 7}, {8, 9}}}};
    const std::vector<Request> second{{{1, 2, 3, 4, 7}, {{6, 7}, {8, 9}}}, {{1, 2, 3, 4, 8}, {{6, 7}, {8, 9}}}};
    for (std::size_t failing = 0;; ++failing) {
        INFO("pass " << failing);
        const PassLimits limits{.context = 8, .cache_rows = 16, .pass_tokens = 8};
        std::vector<Token> rows(limits.cache_rows, 999);
        std::vector<std::size_t> passes;
        std::size_t begun = 0;
        bool asked_once = false;
        PrefixScorer scorer(
            [&](auto segments, auto wanted, auto log_probabilities) {
                if (begun++ == failing && !asked_once) throw ArgumentError("no");
                PretendModel(rows, passes)(segments, wanted, log_probabilities);
            },
            limits);
        bool threw = false;
        try {
            check_same(scorer.score(first), one_by_one(first));
        } catch (const ArgumentError&) {
            threw = true;
        }
        asked_once = true;
        check_same(scorer.score(second), one_by_one(second));
        check_same(scorer.score(first), one_by_one(first));
        if (threw) continue;
        CHECK(failing >= 2);  // each pass of the first call has failed once
        break;
    }
}

TEST_CASE("a prefix scorer refuses limits that do not hold a sequence, and requests beyond the context") {
    CHECK_THROWS_AS(Bench({.context = 16, .cache_rows = 31, .pass_tokens = 16}), ArgumentError);
    CHECK_THROWS_AS(Bench({.context = 16, .cache_rows = 32, .pass_tokens = 15}), ArgumentError);
    Bench bench({.context = 4, .cache_rows = 8, .pass_tokens = 8});
    CHECK_THROWS_AS(bench.scorer.score(std::vector<Request>{{{1, 2, 3}, {{4, 5, 6}}}}), ArgumentError);
    CHECK_THROWS_AS(bench.scorer.score(std::vector<Request>{{{}, {{4}}}}), ArgumentError);
    CHECK_THROWS_WITH(bench.scorer.score(std::vector<Request>{{{1}, {{2}}}, {{1, 2, 3}, {{4, 5, 6}}}}),
                      "lamina: PrefixScorer: request 1 takes 5 positions, expected at most 4, the model's context");
    CHECK_THROWS_WITH(
        bench.scorer.score(std::vector<Request>{{{1}, {{}}}}),
        "lamina: PrefixScorer: request 0 has no context or an empty continuation, expected a token of each");
    CHECK_THROWS_WITH(Bench({.context = 16, .cache_rows = 31, .pass_tokens = 16}),
                      "lamina: PrefixScorer: a cache of 31 rows, expected at least two contexts of 16");
    CHECK_THROWS_WITH(Bench({.context = 16, .cache_rows = 32, .pass_tokens = 15}),
                      "lamina: PrefixScorer: passes of 15 tokens, expected at least a context of 16");
    constexpr std::size_t half = static_cast<std::size_t>(-1) / 2 + 1;  // twice of it is 0
    CHECK_THROWS_AS(Bench({.context = half, .cache_rows = 32, .pass_tokens = half}), ArgumentError);
    CHECK(bench.scorer.score(std::vector<Request>{}).empty());
}
