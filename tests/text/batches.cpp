// SPDX-License-Identifier: MIT
// Micro-batches: which blocks, in which order, and how a run comes back to its place.
#include <lamina/text/batches.hpp>

#include "support/catch.hpp"

#include <numeric>
#include <type_traits>

using Catch::Matchers::Contains;
using lamina::ignored_target;
using lamina::Token;
using lamina::TokenBatch;
using namespace lamina::text;

using Tokens = std::vector<Token>;

static_assert(!std::is_constructible_v<Batches<TokenMemory>, TokenMemory, BatchOptions>, "batches refer to the store");
static_assert(std::is_aggregate_v<BatchPosition> && std::is_trivially_copyable_v<BatchPosition>);

namespace {

TokenMemory counting(Token count) {
    Tokens tokens(static_cast<std::size_t>(count));
    std::iota(tokens.begin(), tokens.end(), 0);
    return TokenMemory(tokens);
}

Tokens inputs_of(const TokenBatch& batch) { return {batch.inputs.begin(), batch.inputs.end()}; }
Tokens targets_of(const TokenBatch& batch) { return {batch.targets.begin(), batch.targets.end()}; }

}  // namespace

TEST_CASE("an epoch visits the blocks in the order of torch.randperm with seed + epoch", "[text]") {
    const TokenMemory store = counting(21);
    Batches batches(store, {.batch = 2, .sequence = 2}, {.seed = 42});
    CHECK(batches.blocks() == 10);
    CHECK(batches.per_epoch() == 5);
    const Tokens first = {2, 6, 1, 8, 4, 5, 0, 9, 3, 7};
    for (std::size_t i = 0; i < 5; ++i) {
        const Token a = first[2 * i] * 2;
        const Token b = first[2 * i + 1] * 2;
        const TokenBatch batch = batches.next();
        CHECK(batch.batch == 2);
        CHECK(batch.sequence == 2);
        CHECK(inputs_of(batch) == Tokens{a, a + 1, b, b + 1});
        CHECK(targets_of(batch) == Tokens{a + 1, ignored_target, b + 1, ignored_target});
    }
    const auto second = torch_permutation(10, 43);
    CHECK(batches.next().inputs[0] == static_cast<Token>(second[0]) * 2);
    CHECK(batches.position() == BatchPosition{.epoch = 1, .index = 1, .seed = 42});
}

TEST_CASE("targets can reach one token past each block", "[text]") {
    const TokenMemory store = counting(9);
    const BatchOptions options = {
        .batch = 2, .sequence = 4, .targets = {.last = LastTarget::next_token}, .order = BlockOrder::stored};
    Batches batches(store, options);
    CHECK(batches.blocks() == 2);
    const TokenBatch batch = batches.next();
    CHECK(inputs_of(batch) == Tokens{0, 1, 2, 3, 4, 5, 6, 7});
    CHECK(targets_of(batch) == Tokens{1, 2, 3, 4, 5, 6, 7, 8});

    const TokenMemory shorter = counting(8);
    CHECK_THROWS_AS(Batches(shorter, options), lamina::Error);
}

TEST_CASE("a saved position continues with the same micro-batches", "[text]") {
    const TokenMemory store = counting(100);
    const BatchOptions options = {.batch = 3, .sequence = 4};
    Batches uninterrupted(store, options, {.seed = 5});
    for (int taken = 0; taken < 30; ++taken) {
        Batches resumed(store, options, uninterrupted.position());
        for (int i = 0; i < 3; ++i) {
            Batches again(store, options, resumed.position());
            CHECK(inputs_of(again.next()) == inputs_of(resumed.next()));
        }
        Batches next(store, options, uninterrupted.position());
        CHECK(inputs_of(next.next()) == inputs_of(uninterrupted.next()));
    }
    CHECK(uninterrupted.position().epoch == 3);
}

TEST_CASE("seeds decide the order", "[text]") {
    const TokenMemory store = counting(100);
    Batches one(store, {.batch = 25, .sequence = 4}, {.seed = 1});
    Batches same(store, {.batch = 25, .sequence = 4}, {.seed = 1});
    Batches other(store, {.batch = 25, .sequence = 4}, {.seed = 2});
    const Tokens first = inputs_of(one.next());
    CHECK(first == inputs_of(same.next()));
    CHECK(first != inputs_of(other.next()));
}

TEST_CASE("the last blocks of an epoch are dropped or make a smaller micro-batch", "[text]") {
    const TokenMemory store = counting(11);
    Batches dropped(store, {.batch = 2, .sequence = 2, .order = BlockOrder::stored});
    CHECK(dropped.per_epoch() == 2);
    CHECK(inputs_of(dropped.next()) == Tokens{0, 1, 2, 3});
    CHECK(inputs_of(dropped.next()) == Tokens{4, 5, 6, 7});
    CHECK(inputs_of(dropped.next()) == Tokens{0, 1, 2, 3});

    Batches smaller(store, {.batch = 2, .sequence = 2, .order = BlockOrder::stored, .last_batch = LastBatch::smaller},
                    {.index = 2});
    CHECK(smaller.per_epoch() == 3);
    const TokenBatch last = smaller.next();
    CHECK(last.batch == 1);
    CHECK(inputs_of(last) == Tokens{8, 9});
    CHECK(targets_of(last) == Tokens{9, ignored_target});
    CHECK(smaller.next().batch == 2);
}

TEST_CASE("a batch or a sequence so long that its tokens cannot be counted is one of what there is, or refused",
          "[text]") {
    const TokenMemory store = counting(11);
    constexpr std::size_t most = static_cast<std::size_t>(-1);
    Batches all(store,
                {.batch = most / 4 + 1, .sequence = 4, .order = BlockOrder::stored, .last_batch = LastBatch::smaller});
    CHECK(all.next().batch == 2);
    const BatchOptions endless{.sequence = most, .targets = {.last = LastTarget::next_token}};
    CHECK_THROWS_WITH(Batches(store, endless), "the corpus has 11 tokens, one block takes " + std::to_string(most));
}

TEST_CASE("a corpus that cannot fill a micro-batch is an error with the numbers", "[text]") {
    const auto make = [](Token tokens, const BatchOptions& options, const BatchPosition& position = {}) {
        const TokenMemory store = counting(tokens);
        Batches(store, options, position);
    };
    CHECK_THROWS_WITH(make(0, {.batch = 1, .sequence = 4}), "the corpus is empty");
    CHECK_THROWS_WITH(make(3, {.batch = 1, .sequence = 4}), "the corpus has 3 tokens, one block takes 4");
    CHECK_THROWS_WITH(make(11, {.batch = 3, .sequence = 4}),
                      "the corpus has 2 blocks of 4 tokens, one micro-batch takes 3");
    CHECK_THROWS_AS(make(11, {.batch = 0, .sequence = 4}), lamina::ArgumentError);
    CHECK_THROWS_AS(make(11, {.batch = 1, .sequence = 0}), lamina::ArgumentError);
    CHECK_THROWS_WITH(make(11, {.batch = 1, .sequence = 4}, {.index = 3}),
                      Contains("position 3 is past the 2 micro-batches of an epoch"));
    CHECK_NOTHROW(make(11, {.batch = 1, .sequence = 4}, {.index = 2}));
}
