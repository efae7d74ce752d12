// SPDX-License-Identifier: MIT
// Inputs and targets of a sequence under both conventions.
#include <lamina/text/collate.hpp>

#include "support/catch.hpp"

#include <vector>

using lamina::ignored_target;
using lamina::Token;
using namespace lamina::text;

using Tokens = std::vector<Token>;

static_assert(block_length(8, LastTarget::ignored) == 8 && block_length(8, LastTarget::next_token) == 9);

namespace {

struct Sequence {
    Tokens inputs;
    Tokens targets;
};

Sequence collated(const Tokens& block, const TargetRule& rule, std::size_t sequence) {
    Sequence result{.inputs = Tokens(sequence, -7), .targets = Tokens(sequence, -7)};
    collate(block, rule, result.inputs, result.targets);
    return result;
}

}  // namespace

TEST_CASE("within a block the last position has no target", "[text]") {
    const Sequence found = collated({5, 6, 7, 8}, {}, 4);
    CHECK(found.inputs == Tokens{5, 6, 7, 8});
    CHECK(found.targets == Tokens{6, 7, 8, ignored_target});
    CHECK(collated({5}, {}, 1).targets == Tokens{ignored_target});
}

TEST_CASE("with one token more every position has a target", "[text]") {
    const Sequence found = collated({5, 6, 7, 8}, {.last = LastTarget::next_token}, 3);
    CHECK(found.inputs == Tokens{5, 6, 7});
    CHECK(found.targets == Tokens{6, 7, 8});
}

TEST_CASE("targets equal to the ignored token carry no loss, inputs keep it", "[text]") {
    const Sequence found = collated({9, 5, 9, 6, 9}, {.last = LastTarget::next_token, .ignored_token = 9}, 4);
    CHECK(found.inputs == Tokens{9, 5, 9, 6});
    CHECK(found.targets == Tokens{5, ignored_target, 6, ignored_target});
}

TEST_CASE("a block of the wrong length is refused in one sentence", "[text]") {
    CHECK_THROWS_AS(collated({1, 2, 3}, {}, 2), lamina::ArgumentError);
    CHECK_THROWS_WITH(collated({1, 2, 3}, {}, 2), "lamina: collate: a block of 3 tokens, expected 2");
    CHECK_THROWS_WITH(collated({1}, {}, 2), "lamina: collate: a block of 1 tokens, expected 2");
    CHECK_THROWS_AS(collated({1, 2}, {.last = LastTarget::next_token}, 2), lamina::ArgumentError);
    CHECK_THROWS_AS(collated({}, {}, 0), lamina::ArgumentError);
    Tokens two(2);
    Tokens three(3);
    CHECK_THROWS_AS(collate(three, {}, three, two), lamina::ArgumentError);
    CHECK_THROWS_WITH(collate(two, {}, two, three),
                      "lamina: collate: room for 2 inputs and 3 targets, expected the same number, at least one");
}
