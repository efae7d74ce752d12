// SPDX-License-Identifier: MIT
// TokenBatch is a plain view.
#include <lamina/core/token_batch.hpp>

#include "support/catch.hpp"

#include <type_traits>
#include <vector>

using lamina::Token;
using lamina::TokenBatch;

static_assert(std::is_same_v<Token, std::int32_t>);
static_assert(std::is_aggregate_v<TokenBatch> && std::is_trivially_copyable_v<TokenBatch>);
static_assert(lamina::ignored_target == -100, "the value that the loss of PyTorch ignores");

TEST_CASE("a token batch refers to the tokens it was given", "[core]") {
    const std::vector<Token> inputs = {1, 2, 3, 4};
    const std::vector<Token> targets = {2, lamina::ignored_target, 4, lamina::ignored_target};
    const TokenBatch batch{.batch = 2, .sequence = 2, .inputs = inputs, .targets = targets};
    CHECK(batch.inputs.data() == inputs.data());
    CHECK(batch.targets.size() == batch.batch * batch.sequence);
    CHECK(TokenBatch{}.inputs.empty());
}
