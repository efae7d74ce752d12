// SPDX-License-Identifier: MIT
#include <lamina/eval/perplexity.hpp>

#include "support/catch.hpp"

#include <limits>

using namespace lamina::eval;
using lamina::Token;

namespace {

// The loss of a token is a hundred times the one before it plus itself; that of token 99 is not a number.
struct Echo {
    std::vector<std::size_t> lengths{};  // of the segments of the last pass

    void operator()(std::span<const lamina::Segment> segments, std::span<const lamina::WantedToken> wanted,
                    std::span<double> log_probabilities) {
        std::vector<Token> packed;
        lengths.clear();
        for (const lamina::Segment& segment : segments) {
            packed.insert(packed.end(), segment.tokens.begin(), segment.tokens.end());
            lengths.push_back(segment.tokens.size());
        }
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            log_probabilities[i] = wanted[i].target == 99 ? std::numeric_limits<double>::quiet_NaN()
                                                          : -100.0 * packed.at(wanted[i].row) - wanted[i].target;
        }
    }
};

static_assert(whole_batches(35, 16) == 32);
static_assert(whole_batches(32, 16) == 32);
static_assert(whole_batches(15, 16) == 15, "fewer than a batch are better than none");

}  // namespace

TEST_CASE("every token of a block but its first has a loss") {
    Echo echo;
    const std::vector<Token> blocks{1, 2, 3, 4, 5, 6};
    CHECK(block_losses(echo, blocks, 3) == std::vector<float>{102, 203, 405, 506});
    CHECK(echo.lengths == std::vector<std::size_t>{2, 2});  // the last token of a block is only asked for
    CHECK(block_losses(echo, blocks, 2) == std::vector<float>{102, 304, 506});
}

TEST_CASE("a loss that is no number is refused with its place") {
    Echo echo;
    const std::vector<Token> blocks{1, 2, 3, 4, 5, 99};
    CHECK_THROWS_AS(block_losses(echo, blocks, 3), lamina::NonFiniteError);
    CHECK_THROWS_WITH(block_losses(echo, blocks, 3), "the loss of token 2 of block 1 is not finite");
    CHECK_THROWS_WITH(block_losses(echo, blocks, 3, 40), "the loss of token 2 of block 41 is not finite");
}

TEST_CASE("losses are those of whole blocks") {
    Echo echo;
    const std::vector<Token> blocks{1, 2, 3};
    CHECK_THROWS_WITH(block_losses(echo, blocks, 2), "lamina: block_losses: whole blocks of at least two tokens");
    CHECK_THROWS_WITH(block_losses(echo, blocks, 1), "lamina: block_losses: whole blocks of at least two tokens");
    CHECK_THROWS_WITH(summarise({}), "lamina: summarise: no losses");
}

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
