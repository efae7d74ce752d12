// SPDX-License-Identifier: MIT
#include <lamina/eval/perplexity.hpp>

#include "support/catch.hpp"

#include <limits>

using namespace lamina::eval;
using lamina::Token;
using lamina::TokenBatch;

namespace {

// Its loss is a hundred times the token seen plus the token to predict; that of token 99 is not a number.
struct EchoModel {
    using Compute = float;
    std::size_t batch = 0;
    std::size_t sequence = 0;

    void evaluate(const TokenBatch& tokens, std::span<float> losses) {
        batch = tokens.batch;
        sequence = tokens.sequence;
        for (std::size_t i = 0; i < losses.size(); ++i) {
            const Token target = tokens.targets[i];
            if (target == lamina::ignored_target) {
                losses[i] = -1;
            } else if (target == 99) {
                losses[i] = std::numeric_limits<float>::quiet_NaN();
            } else {
                losses[i] = static_cast<float>(100 * tokens.inputs[i] + target);
            }
        }
    }
};

struct WithoutCompute {
    void evaluate(const TokenBatch& tokens, std::span<float> losses);
};
struct WithoutEvaluate {
    using Compute = float;
};

static_assert(TokenLossModel<EchoModel>);
static_assert(!TokenLossModel<WithoutCompute>);
static_assert(!TokenLossModel<WithoutEvaluate>);

static_assert(whole_batches(35, 16) == 32);
static_assert(whole_batches(32, 16) == 32);
static_assert(whole_batches(15, 16) == 15, "fewer than a batch are better than none");

}  // namespace

TEST_CASE("every token of a block but its first has a loss") {
    EchoModel model;
    const std::vector<Token> blocks{1, 2, 3, 4, 5, 6};
    CHECK(block_losses(model, blocks, 3) == std::vector<float>{102, 203, 405, 506});
    CHECK(model.batch == 2);
    CHECK(model.sequence == 3);
    CHECK(block_losses(model, blocks, 2) == std::vector<float>{102, 304, 506});
}

TEST_CASE("a loss that is no number is refused with its place") {
    EchoModel model;
    const std::vector<Token> blocks{1, 2, 3, 4, 5, 99};
    CHECK_THROWS_AS(block_losses(model, blocks, 3), lamina::NonFiniteError);
    CHECK_THROWS_WITH(block_losses(model, blocks, 3), "the loss of token 2 of block 1 is not finite");
}

TEST_CASE("losses are those of whole blocks") {
    EchoModel model;
    const std::vector<Token> blocks{1, 2, 3};
    CHECK_THROWS_WITH(block_losses(model, blocks, 2), "lamina: block_losses: whole blocks of at least two tokens");
    CHECK_THROWS_WITH(block_losses(model, blocks, 1), "lamina: block_losses: whole blocks of at least two tokens");
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
