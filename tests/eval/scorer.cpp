// SPDX-License-Identifier: MIT
#include <lamina/eval/scorer.hpp>

using namespace lamina::eval;

namespace {

struct SmallestScorer {
    std::vector<Answer> score(std::span<const Request> requests);
};
struct OneScorePerRequest {
    Answer score(std::span<const Request> requests);
};
struct TakesOneRequest {
    std::vector<Answer> score(const Request& request);
};

static_assert(Scorer<SmallestScorer>);
static_assert(!Scorer<OneScorePerRequest>);
static_assert(!Scorer<TakesOneRequest>);
static_assert(!Scorer<int>);

}  // namespace
