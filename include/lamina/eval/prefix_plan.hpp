// SPDX-License-Identifier: MIT
// plan_prefixes: which beginnings of some token sequences to compute once, so that the fewest tokens are computed.
#pragma once

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lamina::eval {

using TokenSpan = std::span<const Token>;

/// How many tokens two sequences have in common at their beginnings.
[[nodiscard]] inline std::size_t common_prefix(TokenSpan a, TokenSpan b) {
    return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

/// Sequences [first, last). With a stem, their first `stem` tokens are computed and kept, then the rest of each behind
/// it. Without, each is computed from the end of the trunk on.
struct PrefixGroup {
    std::size_t first = 0;
    std::size_t last = 0;
    std::size_t stem = 0;

    friend bool operator==(const PrefixGroup&, const PrefixGroup&) = default;
};

/// The trunk is what all sequences begin with, as far as it is worth keeping. Stems begin at the beginning, too: a
/// cache keeps a sequence in consecutive rows, so only one can lie behind the trunk.
struct PrefixPlan {
    std::size_t trunk = 0;
    std::vector<PrefixGroup> groups;
    std::size_t tokens = 0;  ///< that are to be computed, the part of the trunk that is not kept yet included
};

/// What is known before planning.
struct PrefixLimits {
    std::size_t trunk = 0;       ///< the longest trunk allowed
    std::size_t kept_trunk = 0;  ///< tokens of a trunk of these sequences that are kept from before
    std::size_t pass_cost = 16;  ///< what a pass for the trunk alone costs besides its tokens, in tokens
    std::size_t trunk_uses = 1;  ///< plans that are likely to keep the trunk and so to share its cost
};

namespace detail {

/// The cheapest division into groups when `trunk` tokens need not be computed for sequences without a stem.
/// `shared[i]` is what the sequences i and i + 1 have in common.
///
/// method   best[j] = min over i < j of best[i] + cost of the group [i, j), on sequences sorted so that those with long
///          common beginnings are neighbours
inline PrefixPlan divide(std::span<const TokenSpan> sequences, std::span<const std::size_t> shared, std::size_t trunk) {
    constexpr std::size_t largest_group = 64;  // a second stem for every 64 sequences costs less than looking further
    const std::size_t n = sequences.size();
    std::vector<std::size_t> best(n + 1, 0);
    std::vector<PrefixGroup> chosen(n + 1);
    for (std::size_t j = 1; j <= n; ++j) {
        best[j] = best[j - 1] + sequences[j - 1].size() - trunk;
        chosen[j] = {.first = j - 1, .last = j, .stem = 0};
        std::size_t stem = sequences[j - 1].size();
        std::size_t total = stem;
        for (std::size_t i = j - 1; i-- > 0 && j - i <= largest_group;) {
            stem = std::min(stem, shared[i]);
            if (stem <= trunk) break;
            total += sequences[i].size();
            const std::size_t cost = best[i] + total - (j - i - 1) * stem;
            if (cost >= best[j]) continue;
            best[j] = cost;
            chosen[j] = {.first = i, .last = j, .stem = stem};
        }
    }
    PrefixPlan plan{.trunk = trunk, .groups = {}, .tokens = best[n]};
    for (std::size_t j = n; j > 0; j = plan.groups.back().first) plan.groups.push_back(chosen[j]);
    std::reverse(plan.groups.begin(), plan.groups.end());
    return plan;
}

}  // namespace detail

/// The plan that computes the fewest tokens, among those whose groups are at most 64 neighbours. A sequence with which
/// others begin may be the stem itself: then nothing of it is left to compute behind the stem.
///
/// errors  ArgumentError unless the sequences are sorted, distinct, and longer than limits.trunk, and a plan has a use
/// cost    O(64·n), and n comparisons of sequences
[[nodiscard]] inline PrefixPlan plan_prefixes(std::span<const TokenSpan> sequences, const PrefixLimits& limits) {
    if (limits.trunk_uses == 0) throw ArgumentError("lamina: plan_prefixes: trunk_uses of 0, expected at least 1");
    if (sequences.empty()) return {};
    std::vector<std::size_t> shared(sequences.size() - 1);  // with the next one
    for (std::size_t i = 0; i < sequences.size(); ++i) {
        if (sequences[i].size() <= limits.trunk) {
            throw ArgumentError("lamina: plan_prefixes: sequence " + std::to_string(i) + " has " +
                                std::to_string(sequences[i].size()) + " tokens, expected more than the trunk's " +
                                std::to_string(limits.trunk));
        }
        if (i + 1 == sequences.size()) break;
        shared[i] = common_prefix(sequences[i], sequences[i + 1]);
        const TokenSpan rest = sequences[i].subspan(shared[i]);
        const TokenSpan next = sequences[i + 1].subspan(shared[i]);
        if (next.empty() || (!rest.empty() && rest.front() >= next.front())) {
            throw ArgumentError("lamina: plan_prefixes: sequence " + std::to_string(i + 1) +
                                " does not come after the one before it; sort them, and take each once");
        }
    }
    const std::size_t trunk = std::min(limits.trunk, common_prefix(sequences.front(), sequences.back()));
    const std::size_t kept = std::min(limits.kept_trunk, trunk);
    // Any trunk between these two costs no less than one of them.
    PrefixPlan plan = detail::divide(sequences, shared, kept);
    if (trunk == kept) return plan;
    PrefixPlan longer = detail::divide(sequences, shared, trunk);
    const std::size_t cost = longer.tokens + (trunk - kept + limits.pass_cost) / limits.trunk_uses;
    longer.tokens += trunk - kept;
    return cost < plan.tokens ? longer : plan;
}

}  // namespace lamina::eval
