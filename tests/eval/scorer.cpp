// SPDX-License-Identifier: MIT
#include <lamina/eval/scorer.hpp>

using namespace lamina::eval;

namespace {

struct SmallestScorer {
    std::vector<Answer> score(std::span<const Request> requests);
    [[nodiscard]] std::size_t tokens() const;
};
struct WithoutTokens {
    std::vector<Answer> score(std::span<const Request> requests);
};
struct OneScorePerRequest {
    Answer score(std::span<const Request> requests);
    [[nodiscard]] std::size_t tokens() const;
};
struct CountsOnlyWhenMutable {
    std::vector<Answer> score(std::span<const Request> requests);
    std::size_t tokens();
};

static_assert(Scorer<SmallestScorer>);
static_assert(!Scorer<WithoutTokens>);
static_assert(!Scorer<OneScorePerRequest>);
static_assert(!Scorer<CountsOnlyWhenMutable>);
static_assert(!Scorer<int>);

}  // namespace
