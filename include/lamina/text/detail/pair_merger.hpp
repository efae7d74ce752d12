// SPDX-License-Identifier: MIT
// PairMerger: merges the adjacent pairs of one piece, lowest rank first, until none is left.
#pragma once

#include <lamina/text/detail/merge_table.hpp>

#include <lamina/core/token.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace lamina::text::detail {

/// Byte-pair merging of a piece of n symbols in O(n log n): a linked list of symbols and a queue of the pairs that can
/// merge. Keeps its buffers from one piece to the next.
///
/// The published algorithm merges all occurrences of the best pair in one sweep; taking them one by one, leftmost
/// first, is the same as long as every merge uses only what earlier merges made, which the vocabulary checks.
class PairMerger {
public:
    explicit PairMerger(const MergeTable& merges) : merges_(&merges) {}

    /// The symbols to be merged, to be filled by the caller before `merge`.
    [[nodiscard]] std::vector<Token>& symbols() { return symbols_; }

    /// Merges `symbols()` and appends the result to `tokens`; leaves `symbols()` empty.
    void merge(std::vector<Token>& tokens) {
        const std::size_t count = symbols_.size();
        links_.resize(count);
        for (std::size_t i = 0; i < count; ++i) {
            links_[i] = {.previous = static_cast<Index>(i) - 1, .next = static_cast<Index>(i) + 1, .rank = {}};
        }
        queue_.clear();
        for (std::size_t i = 0; i < count; ++i) rank_pair_at(static_cast<Index>(i));
        std::make_heap(queue_.begin(), queue_.end(), std::greater<>{});

        while (!queue_.empty()) {
            std::pop_heap(queue_.begin(), queue_.end(), std::greater<>{});
            const std::uint64_t best = queue_.back();
            queue_.pop_back();
            const auto rank = static_cast<MergeTable::Rank>(best >> 32);
            const auto at = static_cast<Index>(best & 0xFFFFFFFF);
            // A pair that lost one of its symbols to another merge stays in the queue, with a rank it no longer has.
            if (links_[position(at)].rank != rank) continue;
            join_at(at, merges_->result(rank));
        }
        for (Index i = 0; i < static_cast<Index>(count); i = links_[position(i)].next) {
            tokens.push_back(symbols_[position(i)]);
        }
        symbols_.clear();
    }

private:
    using Index = std::int64_t;

    struct Link {
        Index previous;         // -1 at the start
        Index next;             // the number of symbols at the end
        MergeTable::Rank rank;  // of the pair that starts here
    };

    [[nodiscard]] static std::size_t position(Index i) { return static_cast<std::size_t>(i); }

    void rank_pair_at(Index at) {
        Link& link = links_[position(at)];
        link.rank = position(link.next) == symbols_.size()
                        ? MergeTable::none
                        : merges_->rank({symbols_[position(at)], symbols_[position(link.next)]});
        if (link.rank != MergeTable::none) queue_.push_back(std::uint64_t{link.rank} << 32 | position(at));
    }

    void requeue_pair_at(Index at) {
        const std::size_t before = queue_.size();
        rank_pair_at(at);
        if (queue_.size() > before) std::push_heap(queue_.begin(), queue_.end(), std::greater<>{});
    }

    void join_at(Index at, Token result) {
        Link& left = links_[position(at)];
        const Link right = links_[position(left.next)];
        links_[position(left.next)].rank = MergeTable::none;
        symbols_[position(at)] = result;
        left.next = right.next;
        if (position(right.next) < symbols_.size()) links_[position(right.next)].previous = at;
        requeue_pair_at(at);
        if (left.previous >= 0) requeue_pair_at(left.previous);
    }

    const MergeTable* merges_;
    std::vector<Token> symbols_;
    std::vector<Link> links_;
    std::vector<std::uint64_t> queue_;  // min-heap of rank << 32 | position; a piece has less than 2^32 symbols
};

}  // namespace lamina::text::detail
