// SPDX-License-Identifier: MIT
#include <lamina/eval/scorer.hpp>

#include "support/catch.hpp"

using namespace lamina::eval;

namespace {

struct SmallestScorer {
    std::vector<std::vector<Score>> score(std::span<const Request> requests);
    [[nodiscard]] std::size_t tokens() const;
};
struct WithoutTokens {
    std::vector<std::vector<Score>> score(std::span<const Request> requests);
};
struct OneScorePerRequest {
    std::vector<Score> score(std::span<const Request> requests);
    [[nodiscard]] std::size_t tokens() const;
};
struct CountsOnlyWhenMutable {
    std::vector<std::vector<Score>> score(std::span<const Request> requests);
    std::size_t tokens();
};

static_assert(Scorer<SmallestScorer>);
static_assert(!Scorer<WithoutTokens>);
static_assert(!Scorer<OneScorePerRequest>);
static_assert(!Scorer<CountsOnlyWhenMutable>);
static_assert(!Scorer<int>);

}  // namespace

TEST_CASE("scores are equal when both of their parts are") {
    const Score score{.log_probability = -1.5, .greedy = true};
    CHECK(score == Score{.log_probability = -1.5, .greedy = true});
    CHECK(score != Score{.log_probability = -1.5, .greedy = false});
    CHECK(score != Score{.log_probability = -1.25, .greedy = true});
}
