// SPDX-License-Identifier: MIT
// MergeTable: which adjacent pairs of tokens merge, in what order of preference, into what.
#pragma once

#include <lamina/core/token.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lamina::text::detail {

/// Merges in order of rank, the lowest first, found by pair through an open-addressing table.
class MergeTable {
public:
    using Rank = std::uint32_t;
    static constexpr Rank none = 0xFFFFFFFF;

    struct Pair {
        Token left;
        Token right;
    };

    MergeTable() : MergeTable(0) {}

    /// For at most `capacity` merges.
    explicit MergeTable(std::size_t capacity) {
        std::size_t slots = 16;
        while (slots < 3 * capacity) slots *= 2;
        slots_.assign(slots, Slot{});
        results_.reserve(capacity);
    }

    /// Gives `pair` the next rank. Returns false, and changes nothing, if it has one already.
    bool add(Pair pair, Token result) {
        Slot& slot = slots_[slot_of(key_of(pair))];
        if (slot.rank != none) return false;
        slot = {key_of(pair), static_cast<Rank>(results_.size())};
        results_.push_back(result);
        return true;
    }

    /// The rank of `pair`, or `none` if it does not merge.
    [[nodiscard]] Rank rank(Pair pair) const { return slots_[slot_of(key_of(pair))].rank; }

    /// What the pair of this rank becomes.
    [[nodiscard]] Token result(Rank rank) const { return results_[rank]; }

private:
    struct Slot {
        std::uint64_t key = 0;
        Rank rank = none;
    };

    [[nodiscard]] static std::uint64_t key_of(Pair pair) {
        return std::uint64_t{static_cast<std::uint32_t>(pair.left)} << 32 | static_cast<std::uint32_t>(pair.right);
    }

    [[nodiscard]] std::size_t slot_of(std::uint64_t key) const {
        // Fibonacci hashing: the high bits of the product depend on all bits of the key.
        std::size_t slot = static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> 32) & (slots_.size() - 1);
        while (slots_[slot].rank != none && slots_[slot].key != key) slot = (slot + 1) & (slots_.size() - 1);
        return slot;
    }

    std::vector<Slot> slots_;  // size a power of two, at most two thirds full
    std::vector<Token> results_;
};

}  // namespace lamina::text::detail
