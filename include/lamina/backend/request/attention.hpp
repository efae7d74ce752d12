// SPDX-License-Identifier: MIT
// Causal attention as requests: over whole sequences, its backward, and over packed segments with a cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include <lamina/backend/request/common.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/core/rows.hpp>

namespace lamina {

namespace detail {

[[nodiscard]] constexpr std::size_t three_times(std::size_t columns) {
    return columns == dynamic ? dynamic : 3 * columns;
}

/// Half of the multiply-adds of all pairs of positions, since attention is causal, two operations each.
[[nodiscard]] constexpr double attention_flops(Extent extent, std::size_t embed, double products) {
    return products * static_cast<double>(extent.tokens()) * static_cast<double>(extent.sequence) *
           static_cast<double>(embed);
}

}  // namespace detail

/// Causal multi-head attention, never forming a T × T matrix in memory:
/// out_h[t] = Σ_{s ≤ t} softmax_s(q_h[t] · k_h[s] / sqrt(D)) v_h[s] per head h, D = C / H; heads are adjacent columns.
///
/// shapes   qkv [B·T, 3C] (queries | keys | values), out [B·T, C], log_sum_exp [B·T, H]
/// writes   out and log_sum_exp (the natural logarithm of each row's softmax denominator) overwritten
/// cost     2·B·T²·C FLOP
/// source   Dao 2023 for the blocked softmax; docs/gpt2.md, "Forward pass" for the layout
template <class T, std::size_t C = dynamic, std::size_t H = dynamic>
struct Attention {
    Extent extent;
    std::size_t heads;
    Rows<const T, detail::three_times(C)> qkv;
    Rows<T, C> out;
    Rows<ComputeOf<T>, H> log_sum_exp;

    [[nodiscard]] constexpr Attention<T> erased() const { return {extent, heads, qkv, out, log_sum_exp}; }
    constexpr void check() const {
        LAMINA_EXPECTS(heads > 0 && out.cols % heads == 0, "Attention: heads must divide the width");
        LAMINA_EXPECTS(qkv.cols == 3 * out.cols, "Attention: qkv must hold queries, keys and values");
        LAMINA_EXPECTS(qkv.rows == extent.tokens() && out.rows == extent.tokens(),
                       "Attention: qkv and out need a row per token");
        LAMINA_EXPECTS(log_sum_exp.rows == extent.tokens() && log_sum_exp.cols == heads,
                       "Attention: log_sum_exp needs a number per token and head");
    }
    [[nodiscard]] constexpr double flops() const { return detail::attention_flops(extent, out.cols, 2); }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(qkv, out, log_sum_exp); }
};

/// The backward of `Attention`; probabilities are computed again from `log_sum_exp`.
///
/// shapes   as in Attention; d_out [B·T, C], d_qkv [B·T, 3C] overwritten
/// cost     5·B·T²·C FLOP
template <class T, std::size_t C = dynamic, std::size_t H = dynamic>
struct AttentionBackward {
    Extent extent;
    std::size_t heads;
    Rows<const T, detail::three_times(C)> qkv;
    Rows<const T, C> out;
    Rows<const ComputeOf<T>, H> log_sum_exp;
    Rows<const T, C> d_out;
    Rows<T, detail::three_times(C)> d_qkv;

    [[nodiscard]] constexpr AttentionBackward<T> erased() const {
        return {extent, heads, qkv, out, log_sum_exp, d_out, d_qkv};
    }
    constexpr void check() const {
        LAMINA_EXPECTS(heads > 0 && out.cols % heads == 0, "AttentionBackward: heads must divide the width");
        LAMINA_EXPECTS(qkv.cols == 3 * out.cols, "AttentionBackward: qkv must hold queries, keys and values");
        LAMINA_EXPECTS(qkv.rows == extent.tokens() && out.rows == extent.tokens(),
                       "AttentionBackward: qkv and out need a row per token");
        LAMINA_EXPECTS(detail::same_shape(d_out, out) && detail::same_shape(d_qkv, qkv),
                       "AttentionBackward: a gradient of another shape than what it belongs to");
        LAMINA_EXPECTS(log_sum_exp.rows == extent.tokens() && log_sum_exp.cols == heads,
                       "AttentionBackward: log_sum_exp needs a number per token and head");
    }
    [[nodiscard]] constexpr double flops() const { return detail::attention_flops(extent, out.cols, 5); }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(qkv, out, log_sum_exp, d_out, d_qkv); }
};

/// Some rows of a packed batch, which are consecutive tokens of one sequence, and where in a cache the keys and values
/// of the tokens before them lie, and theirs shall.
struct PackedSegment {
    static constexpr std::size_t not_stored = static_cast<std::size_t>(-1);

    std::size_t first;                     ///< row of the batch
    std::size_t count;                     ///< rows of the batch
    std::size_t prefix_first = 0;          ///< row of the cache
    std::size_t prefix_count = 0;          ///< rows of the cache; 0 where the sequence begins here
    std::size_t store_first = not_stored;  ///< row of the cache
};

/// `Attention` for packed segments of any lengths, each continuing a sequence whose earlier keys and values are cached:
/// out_h[n] = Σ_s softmax_s(q_h[n] · k_h[s] / sqrt(D)) v_h[s] over the prefix of n's segment in `keys` and `values`,
/// and the rows of qkv from the segment's first to n.
///
/// shapes   segments [S], on the host; qkv [N, 3C] (queries | keys | values), keys, values [R, C], out [N, C]
/// writes   out overwritten, in the rows of segments; keys and values are only read
/// source   Dao 2023 for the blocked softmax; docs/gpt2.md, "Forward pass" for the layout
template <class T, std::size_t C = dynamic>
struct CachedAttention {
    std::span<const PackedSegment> segments;
    std::size_t heads;
    Rows<const T, detail::three_times(C)> qkv;
    Rows<const T, C> keys;
    Rows<const T, C> values;
    Rows<T, C> out;

    [[nodiscard]] constexpr CachedAttention<T> erased() const { return {segments, heads, qkv, keys, values, out}; }
    constexpr void check() const {
        LAMINA_EXPECTS(heads > 0 && out.cols % heads == 0, "CachedAttention: heads must divide the width");
        LAMINA_EXPECTS(qkv.cols == 3 * out.cols && qkv.rows == out.rows,
                       "CachedAttention: qkv must hold queries, keys and values of every row of out");
        LAMINA_EXPECTS(keys.cols == out.cols && detail::same_shape(keys, values),
                       "CachedAttention: keys and values must be as wide as out, and as many");
        LAMINA_EXPECTS(std::all_of(segments.begin(), segments.end(),
                                   [&](const PackedSegment& s) { return s.first + s.count <= qkv.rows; }),
                       "CachedAttention: a segment beyond the packed rows");
        LAMINA_EXPECTS(
            std::all_of(segments.begin(), segments.end(),
                        [&](const PackedSegment& s) { return s.prefix_first + s.prefix_count <= keys.rows; }),
            "CachedAttention: a prefix beyond the cache");
    }
    /// Of the pairs of positions that see each other.
    [[nodiscard]] constexpr double flops() const {
        double pairs = 0;
        for (const PackedSegment& s : segments) {
            const auto count = static_cast<double>(s.count);
            pairs += count * (static_cast<double>(s.prefix_count) + (count + 1) / 2);
        }
        return 4 * pairs * static_cast<double>(out.cols);
    }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(qkv, keys, values, out); }
};

/// keys[store_first + i] and values[store_first + i] become those of row first + i of qkv, for i in [0, count) of every
/// segment that is stored.
///
/// shapes   segments [S], on the host; qkv [N, 3C] (queries | keys | values), keys, values [R, C]
/// writes   the rows of keys and values that segments name, no row twice; others are left alone
template <class T, std::size_t C = dynamic>
struct StoreKeysValues {
    std::span<const PackedSegment> segments;
    Rows<const T, detail::three_times(C)> qkv;
    Rows<T, C> keys;
    Rows<T, C> values;

    [[nodiscard]] constexpr StoreKeysValues<T> erased() const { return {segments, qkv, keys, values}; }
    constexpr void check() const {
        LAMINA_EXPECTS(qkv.cols == 3 * keys.cols && detail::same_shape(keys, values),
                       "StoreKeysValues: qkv must be three times as wide as keys and values");
        LAMINA_EXPECTS(std::all_of(segments.begin(), segments.end(),
                                   [&](const PackedSegment& s) { return s.first + s.count <= qkv.rows; }),
                       "StoreKeysValues: a segment beyond the packed rows");
        LAMINA_EXPECTS(std::all_of(segments.begin(), segments.end(),
                                   [&](const PackedSegment& s) {
                                       return s.store_first == PackedSegment::not_stored ||
                                              s.store_first + s.count <= keys.rows;
                                   }),
                       "StoreKeysValues: a segment is stored beyond the cache");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const {
        double rows = 0;
        for (const PackedSegment& s : segments)
            rows += s.store_first == PackedSegment::not_stored ? 0.0 : static_cast<double>(s.count);
        return 4 * rows * static_cast<double>(keys.cols * sizeof(T));
    }
};

}  // namespace lamina
