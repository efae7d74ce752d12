// SPDX-License-Identifier: MIT
#include <lamina/eval/perplexity.hpp>

#include "support/catch.hpp"

#include <limits>
#include <string>

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
    for (const std::size_t length : {0, 1, 2, 4}) {
        CHECK_THROWS_AS(block_losses(echo, blocks, length), lamina::ArgumentError);
        CHECK_THROWS_WITH(block_losses(echo, blocks, length), "lamina: block_losses: 3 tokens in blocks of " +
                                                                  std::to_string(length) +
                                                                  ", expected whole blocks of at least two");
    }
    CHECK_NOTHROW(block_losses(echo, blocks, 3));
    CHECK_THROWS_AS(whole_batches(3, 0), lamina::ArgumentError);
}
