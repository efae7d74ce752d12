// SPDX-License-Identifier: MIT
#include <lamina/eval/loss_summary.hpp>

#include "support/catch.hpp"

using namespace lamina::eval;

// numpy.quantile of these values.
TEST_CASE("losses are summed up by mean, perplexity, median and the ranges of their middle parts") {
    std::vector<float> losses;
    for (int i = 0; i < 41; ++i) losses.push_back(static_cast<float>((i * 7) % 41) / 8);
    const LossSummary summary = summarise(losses);
    CHECK(summary.tokens == 41);
    CHECK(summary.mean == Approx(2.5));
    CHECK(summary.perplexity == Approx(12.182493960703473));
    CHECK(summary.median == 2.5);
    const std::array<LossRange, 4> expected{
        {{0.5, 1.25, 3.75}, {0.9, 0.25, 4.75}, {0.95, 0.125, 4.875}, {0.99, 0.025, 4.975}}};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(summary.ranges[i].share == expected[i].share);
        CHECK(summary.ranges[i].low == Approx(expected[i].low));
        CHECK(summary.ranges[i].high == Approx(expected[i].high));
    }
}

TEST_CASE("without losses there is nothing to sum up") {
    CHECK_THROWS_AS(summarise({}), lamina::ArgumentError);
    CHECK_THROWS_WITH(summarise({}), "lamina: summarise: no losses, expected at least one");
}
