// SPDX-License-Identifier: MIT
#include <lamina/nn/loss_head.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

/// Without blocks' influence: one block, and more tokens than one chunk of logits holds.
constexpr Architecture long_context{.layers = 1, .heads = 1, .embed = 4, .context = 700, .vocab = 7};

}  // namespace

TEST_CASE("only rows with a target carry loss", "[nn]") {
    const std::array<Token, 5> targets{3, ignored_target, 0, ignored_target, 9};
    LossRows rows;
    rows.collect(targets);
    CHECK(rows.rows == std::vector<std::size_t>{0, 2, 4});
    CHECK(rows.targets == std::vector<Token>{3, 0, 9});
    rows.collect(std::array<Token, 1>{ignored_target});
    CHECK(rows.rows.empty());
}

TEST_CASE("the loss does not depend on how many chunks of logits it takes", "[nn]") {
    BackendFor<device::Cpu> backend;
    Gpt2<long_context, precision::Fp64> model(backend);
    model.initialise(1);
    constexpr std::size_t tokens = 700;
    STATIC_REQUIRE(tokens > head_chunk);
    std::vector<Token> ids(tokens);
    std::vector<Token> targets(tokens);
    for (std::size_t i = 0; i < tokens; ++i) {
        ids[i] = static_cast<Token>(i * i % 7);
        targets[i] = i % 3 == 0 ? ignored_target : static_cast<Token>((i + 1) % 7);
    }
    std::vector<double> losses(tokens);
    const LossSum sum = model.evaluate({1, tokens, ids, targets}, losses);
    std::vector<double> logits(tokens * 7);
    model.logits(ids, {1, tokens}, tokens, logits);
    double expected = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < tokens; ++i) {
        if (targets[i] == ignored_target) {
            CHECK(losses[i] == 0);
            continue;
        }
        double denominator = 0;
        for (std::size_t v = 0; v < 7; ++v) denominator += std::exp(logits[i * 7 + v]);
        const double loss = std::log(denominator) - logits[i * 7 + static_cast<std::size_t>(targets[i])];
        CHECK(losses[i] == Approx(loss).epsilon(1e-12));
        expected += loss;
        ++count;
    }
    CHECK(sum.count == count);
    CHECK(sum.sum == Approx(expected).epsilon(1e-12));
}
