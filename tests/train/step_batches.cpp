// SPDX-License-Identifier: MIT
#include <lamina/train/step_batches.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <vector>

using lamina::ignored_target;
using lamina::MicroBatch;
using lamina::Token;
using lamina::TokenBatch;
using lamina::train::StepBatches;

namespace {

bool equal(std::span<const Token> a, std::span<const Token> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

TEST_CASE("micro-batches of a step are copies, each weighed by its tokens") {
    StepBatches batches;
    std::vector<Token> inputs{1, 2, 3, 4, 5, 6};
    std::vector<Token> targets{2, ignored_target, 4, 5, 6, 7};
    batches.add({std::span(inputs).first(2), std::span(targets).first(2), 1});
    batches.add({std::span(inputs).last(4), std::span(targets).last(4), 2});
    inputs.assign(6, 0);
    targets.assign(6, 0);
    REQUIRE(batches.size() == 2);
    CHECK((batches[0].batch == 2 && batches[0].sequence == 1 && batches[1].batch == 2 && batches[1].sequence == 2));
    CHECK(equal(batches[0].targets, std::vector<Token>{2, ignored_target}));
    CHECK(equal(batches[1].inputs, std::vector<Token>{3, 4, 5, 6}));
    CHECK(equal(batches[1].targets, std::vector<Token>{4, 5, 6, 7}));
    const MicroBatch first = batches.shares(0);
    const MicroBatch second = batches.shares(1);
    CHECK((first.share == 1.0 / 5 && second.share == 4.0 / 5));
    CHECK((first.auxiliary_share == 2.0 / 6 && second.auxiliary_share == 4.0 / 6));

    batches.clear();
    CHECK(batches.size() == 0);
    batches.add({inputs, std::vector<Token>(6, ignored_target), 3});
    CHECK((batches.shares(0).share == 0 && batches.shares(0).auxiliary_share == 1));
}
