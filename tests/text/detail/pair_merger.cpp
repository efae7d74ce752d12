// SPDX-License-Identifier: MIT
// The queue of pairs merges exactly as the published sweeps do.
#include <lamina/text/detail/pair_merger.hpp>

#include "support/catch.hpp"

#include <random>

using namespace lamina::text::detail;
using lamina::Token;

namespace {

// One sweep per merge: the best pair of all, replaced everywhere from left to right.
std::vector<Token> merged_by_sweeps(const MergeTable& merges, std::vector<Token> symbols) {
    while (true) {
        MergeTable::Rank best = MergeTable::none;
        for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
            best = std::min(best, merges.rank({symbols[i], symbols[i + 1]}));
        }
        if (best == MergeTable::none) return symbols;
        std::vector<Token> swept;
        for (std::size_t i = 0; i < symbols.size(); ++i) {
            const bool merge = i + 1 < symbols.size() && merges.rank({symbols[i], symbols[i + 1]}) == best;
            swept.push_back(merge ? merges.result(best) : symbols[i]);
            if (merge) ++i;
        }
        symbols = swept;
    }
}

}  // namespace

TEST_CASE("merging by queue equals merging by sweeps", "[text]") {
    std::mt19937 random(20240520);
    for (int round = 0; round < 200; ++round) {
        const Token letters = 2 + static_cast<Token>(random() % 3);
        MergeTable merges(20);
        Token made = letters;
        for (int i = 0; i < 20; ++i) {
            const auto any = [&] { return static_cast<Token>(random() % static_cast<unsigned>(made)); };
            if (merges.add({any(), any()}, made)) ++made;
        }
        std::vector<Token> symbols(random() % 60);
        for (Token& symbol : symbols) symbol = static_cast<Token>(random() % static_cast<unsigned>(letters));

        PairMerger merger(merges);
        merger.symbols() = symbols;
        std::vector<Token> tokens;
        merger.merge(tokens);
        CHECK(tokens == merged_by_sweeps(merges, symbols));
        CHECK(merger.symbols().empty());
    }
}

TEST_CASE("a merge keeps the first rank of a pair", "[text]") {
    MergeTable merges(2);
    CHECK(merges.add({0, 1}, 2));
    CHECK_FALSE(merges.add({0, 1}, 3));
    CHECK(merges.rank({0, 1}) == 0);
    CHECK(merges.result(0) == 2);
    CHECK(merges.rank({1, 0}) == MergeTable::none);
}
