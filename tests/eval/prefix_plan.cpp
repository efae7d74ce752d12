// SPDX-License-Identifier: MIT
#include <lamina/eval/prefix_plan.hpp>

#include "support/catch.hpp"

#include <lamina/core/random.hpp>

#include <set>
#include <string>

using namespace lamina::eval;
using lamina::Token;

namespace {

using Sequences = std::vector<std::vector<Token>>;

std::vector<TokenSpan> spans(const Sequences& sequences) { return {sequences.begin(), sequences.end()}; }

// One letter is one token.
Sequences sequences_of(const std::vector<std::string>& texts) {
    Sequences sequences;
    for (const std::string& text : texts) sequences.emplace_back(text.begin(), text.end());
    return sequences;
}

// Carries a plan out on paper: how many tokens are computed so that each one of each sequence is, once.
std::size_t carried_out(const Sequences& sequences, const PrefixPlan& plan, const PrefixLimits& limits) {
    REQUIRE(plan.trunk <= limits.trunk);
    std::size_t computed = plan.trunk > limits.kept_trunk ? plan.trunk - limits.kept_trunk : 0;
    std::size_t next = 0;
    for (const PrefixGroup& group : plan.groups) {
        REQUIRE(group.first == next);
        REQUIRE(group.last > group.first);
        REQUIRE(group.last - group.first <= 64);
        next = group.last;
        if (group.stem > 0) REQUIRE(group.stem > plan.trunk);
        const std::size_t known = group.stem > 0 ? group.stem : plan.trunk;
        computed += group.stem;
        for (std::size_t i = group.first; i < group.last; ++i) {
            const std::vector<Token>& origin = sequences[group.stem > 0 ? group.first : 0];
            REQUIRE(known <= sequences[i].size());
            REQUIRE(
                std::equal(origin.begin(), origin.begin() + static_cast<std::ptrdiff_t>(known), sequences[i].begin()));
            computed += sequences[i].size() - known;
        }
    }
    REQUIRE(next == sequences.size());
    return computed;
}

// The fewest tokens, `pass_cost` included, over every trunk and every division into neighbours.
std::size_t fewest_tokens(const Sequences& sequences, const PrefixLimits& limits) {
    const std::size_t n = sequences.size();
    const std::size_t longest = std::min(limits.trunk, common_prefix(sequences.front(), sequences.back()));
    std::size_t fewest = static_cast<std::size_t>(-1);
    for (std::size_t trunk = 0; trunk <= longest; ++trunk) {
        for (std::size_t ends = 0; ends < std::size_t{1} << (n - 1); ++ends) {  // bit i: a group ends after i
            std::size_t total = trunk > limits.kept_trunk ? trunk - limits.kept_trunk + limits.pass_cost : 0;
            for (std::size_t first = 0; first < n;) {
                std::size_t last = first + 1;
                std::size_t stem = sequences[first].size();
                std::size_t tokens = stem;
                for (; last < n && (ends >> (last - 1) & 1U) == 0; ++last) {
                    stem = std::min(stem, common_prefix(sequences[first], sequences[last]));
                    tokens += sequences[last].size();
                }
                total += tokens - std::max((last - first) * trunk, (last - first - 1) * stem);
                first = last;
            }
            fewest = std::min(fewest, total);
        }
    }
    return fewest;
}

}  // namespace

TEST_CASE("sequences with a common beginning are a group, and it is computed once") {
    const Sequences sequences = sequences_of({"axx1", "axx2", "bx", "byyyy3", "byyyy4"});
    const PrefixPlan plan = plan_prefixes(spans(sequences), {});
    CHECK(plan.trunk == 0);
    CHECK(plan.groups == std::vector<PrefixGroup>{{0, 2, 3}, {2, 3, 0}, {3, 5, 5}});
    CHECK(plan.tokens == (3 + 1 + 1) + 2 + (5 + 1 + 1));
}

TEST_CASE("a sequence that is the beginning of another is their stem") {
    const Sequences sequences = sequences_of({"abc", "abcd"});
    const PrefixPlan plan = plan_prefixes(spans(sequences), {});
    CHECK(plan.groups == std::vector<PrefixGroup>{{0, 2, 3}});
    CHECK(plan.tokens == 4);
}

TEST_CASE("a trunk is worth its pass, or is not computed") {
    const Sequences sequences = sequences_of({"prompt1", "prompt2", "prompt3", "prompt4"});
    const PrefixPlan grouped = plan_prefixes(spans(sequences), {.trunk = 6});
    CHECK(grouped.trunk == 0);  // a group of four is as good, and no pass of its own
    CHECK(grouped.groups == std::vector<PrefixGroup>{{0, 4, 6}});
    CHECK(grouped.tokens == 10);

    const Sequences different = sequences_of({"prompta1", "prompta2", "promptb1", "promptb2", "promptc", "promptd"});
    const std::vector<TokenSpan> views = spans(different);
    CHECK(plan_prefixes(views, {.trunk = 6, .pass_cost = 0}).tokens == 16);
    CHECK(plan_prefixes(views, {.trunk = 6, .kept_trunk = 6}).trunk == 6);
    CHECK(plan_prefixes(views, {.trunk = 6, .kept_trunk = 6}).tokens == 10);
}

TEST_CASE("no sequences need no plan") {
    const PrefixPlan plan = plan_prefixes({}, {});
    CHECK(plan.groups.empty());
    CHECK(plan.tokens == 0);
}

TEST_CASE("no division into neighbours computes fewer tokens than the one that is made") {
    lamina::Random random{7};
    for (int round = 0; round < 400; ++round) {
        std::set<std::vector<Token>> distinct;
        const auto draw = [&random](std::size_t below) { return static_cast<std::size_t>(random.next() % below); };
        const std::size_t beginning = draw(4);
        while (distinct.size() < 1 + static_cast<std::size_t>(round) % 8) {
            std::vector<Token> sequence(beginning, 5);
            for (std::size_t rest = 1 + draw(7); rest > 0; --rest) sequence.push_back(static_cast<Token>(draw(2)));
            distinct.insert(std::move(sequence));
        }
        const Sequences sequences(distinct.begin(), distinct.end());
        std::size_t shortest = sequences.front().size();
        for (const auto& sequence : sequences) shortest = std::min(shortest, sequence.size());
        PrefixLimits limits{.trunk = draw(shortest), .kept_trunk = draw(3), .pass_cost = draw(4)};
        const PrefixPlan plan = plan_prefixes(spans(sequences), limits);
        limits.kept_trunk =
            std::min({limits.kept_trunk, limits.trunk, common_prefix(sequences.front(), sequences.back())});
        CAPTURE(round, limits.trunk, limits.kept_trunk, limits.pass_cost);
        CHECK(plan.tokens == carried_out(sequences, plan, limits));
        const std::size_t pass = plan.trunk > limits.kept_trunk ? limits.pass_cost : 0;
        CHECK(plan.tokens + pass == fewest_tokens(sequences, limits));
    }
}

TEST_CASE("a group has at most 64 sequences") {
    Sequences sequences;
    for (Token last = 0; last < 150; ++last) sequences.push_back({1, 2, 3, last});
    const PrefixPlan plan = plan_prefixes(spans(sequences), {});
    CHECK(plan.groups.size() == 3);
    CHECK(plan.tokens == 3 * 3 + 150);
    CHECK(plan.tokens == carried_out(sequences, plan, {}));
}

TEST_CASE("sequences to plan for are sorted, distinct and longer than the trunk") {
    const std::string sort =
        "lamina: plan_prefixes: sequence 1 does not come after the one before it; sort them, and take each once";
    CHECK_THROWS_AS(plan_prefixes(spans(sequences_of({"b", "a"})), {}), lamina::ArgumentError);
    CHECK_THROWS_AS(plan_prefixes(spans(sequences_of({"a"})), {.trunk_uses = 0}), lamina::ArgumentError);
    CHECK_THROWS_WITH(plan_prefixes(spans(sequences_of({"b", "a"})), {}), sort);
    CHECK_THROWS_WITH(plan_prefixes(spans(sequences_of({"ab", "a"})), {}), sort);
    CHECK_THROWS_WITH(plan_prefixes(spans(sequences_of({"a", "a"})), {}), sort);
    CHECK_THROWS_WITH(plan_prefixes(spans(sequences_of({"ab", "b"})), {.trunk = 1}),
                      "lamina: plan_prefixes: sequence 1 has 1 tokens, expected more than the trunk's 1");
}
