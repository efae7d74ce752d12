// SPDX-License-Identifier: MIT
// TokenBatch is a plain view whose lengths fit together.
#include <lamina/core/token_batch.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

using lamina::Token;
using lamina::TokenBatch;

static_assert(std::is_same_v<Token, std::int32_t>);
static_assert(lamina::ignored_target == -100, "the value that the loss of PyTorch ignores");

// There is no way to one whose lengths were not checked.
static_assert(std::is_trivially_copy_constructible_v<TokenBatch> && std::copyable<TokenBatch>);
static_assert(!std::is_aggregate_v<TokenBatch> && !std::is_default_constructible_v<TokenBatch>);
template <class Batch>
concept CanBeChanged = requires(Batch batch) {
    batch.sequence = 1;
}
|| requires(Batch batch) { batch.batch = 1; }
|| requires(Batch batch, std::span<const Token> tokens) { batch.inputs = tokens; }
|| requires(Batch batch, std::span<const Token> tokens) { batch.targets = tokens; };
static_assert(!CanBeChanged<TokenBatch>);

namespace {

/// What is said of a batch of so many tokens; nothing where nothing is wrong with it.
std::string objection(std::size_t inputs, std::size_t targets, std::size_t sequence) {
    const std::vector<Token> tokens(8, 1);
    try {
        static_cast<void>(TokenBatch(std::span(tokens).first(inputs), std::span(tokens).first(targets), sequence));
    } catch (const lamina::ArgumentError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("a token batch refers to the tokens it was given", "[core]") {
    const std::vector<Token> inputs = {1, 2, 3, 4, 5, 6};
    const std::vector<Token> targets = {2, 3, lamina::ignored_target, 5, 6, lamina::ignored_target};
    const TokenBatch batch(inputs, targets, 3);
    CHECK(batch.inputs.data() == inputs.data());
    CHECK(batch.targets.data() == targets.data());
    CHECK((batch.batch == 2 && batch.sequence == 3));
    CHECK((batch.inputs.size() == 6 && batch.targets.size() == 6));
}

TEST_CASE("a token batch takes the place of another as a whole", "[core]") {
    const std::vector<Token> tokens = {1, 2, 3, 4, 5, 6};
    TokenBatch batch(tokens, tokens, 3);
    const TokenBatch other{std::span(tokens).first(5), std::span(tokens).last(5), 1};
    batch = other;
    CHECK((batch.batch == 5 && batch.sequence == 1));
    CHECK((batch.inputs.data() == tokens.data() && batch.inputs.size() == 5));
    CHECK((batch.targets.data() == tokens.data() + 1 && batch.targets.size() == 5));
    const TokenBatch& same = batch;
    batch = same;
    CHECK((batch.batch == 5 && batch.inputs.size() == 5));
}

TEST_CASE("a token batch whose lengths do not fit together is refused in one sentence", "[core]") {
    CHECK(objection(6, 6, 3) == "");
    CHECK(objection(6, 6, 6) == "");
    CHECK(objection(6, 6, 1) == "");
    CHECK(objection(6, 5, 3) == "lamina: TokenBatch: 6 inputs and 5 targets, expected one target per input");
    CHECK(objection(6, 7, 3) == "lamina: TokenBatch: 6 inputs and 7 targets, expected one target per input");
    CHECK(objection(7, 7, 3) ==
          "lamina: TokenBatch: 7 inputs in sequences of 3 tokens, expected whole sequences, at least one");
    CHECK(objection(5, 5, 3) ==
          "lamina: TokenBatch: 5 inputs in sequences of 3 tokens, expected whole sequences, at least one");
    CHECK(objection(6, 6, 7) ==
          "lamina: TokenBatch: 6 inputs in sequences of 7 tokens, expected whole sequences, at least one");
    CHECK(objection(6, 6, 0) ==
          "lamina: TokenBatch: 6 inputs in sequences of 0 tokens, expected whole sequences, at least one");
    CHECK(objection(0, 0, 3) ==
          "lamina: TokenBatch: 0 inputs in sequences of 3 tokens, expected whole sequences, at least one");
}
