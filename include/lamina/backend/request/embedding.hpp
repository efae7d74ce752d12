// SPDX-License-Identifier: MIT
// Token and position embeddings as requests: Embed and EmbedBackward.
#pragma once

#include <cstddef>

#include <lamina/backend/request/common.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/token.hpp>

namespace lamina {

/// out[n] = token_table[ids[n]] + position_table[positions[n]].
///
/// shapes   ids, positions [B·T], token_table [V, C], position_table [≥ T, C], out [B·T, C]
/// optional positions: n mod T without them
/// errors   LAMINA_EXPECTS every id in [0, V) and every position in the table
template <class T, class Weight, std::size_t C = dynamic>
struct Embed {
    Rows<const Token, 1> ids;
    Extent extent;
    Rows<const Weight, C> token_table;
    Rows<const Weight, C> position_table;
    Rows<T, C> out;
    Rows<const std::size_t, 1> positions{};

    [[nodiscard]] constexpr Embed<T, Weight> erased() const {
        return {ids, extent, token_table, position_table, out, positions};
    }
    constexpr void check() const {
        LAMINA_EXPECTS(token_table.cols == out.cols && position_table.cols == out.cols,
                       "Embed: tables and output of different widths");
        LAMINA_EXPECTS(out.rows == extent.tokens() && detail::one_per_row(ids, out.rows) &&
                           detail::absent_or_one_per_row(positions, out.rows),
                       "Embed: ids, positions and the output need a row per token");
        LAMINA_EXPECTS(position_table.rows >= extent.sequence, "Embed: fewer positions than tokens of a sequence");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const {
        return detail::bytes_of(out, ids, positions) + 2 * detail::bytes_as<Weight>(out);
    }
};

/// d_token_table[ids[n]] += d_out[n] and d_position_table[n mod T] += d_out[n], in the order of n.
///
/// shapes   ids [B·T], d_out [B·T, C], d_token_table [V, C], d_position_table [≥ T, C]
/// errors   LAMINA_EXPECTS every id in [0, V)
template <class T, class Gradient, std::size_t C = dynamic>
struct EmbedBackward {
    Rows<const Token, 1> ids;
    Extent extent;
    Rows<const T, C> d_out;
    Rows<Gradient, C> d_token_table;
    Rows<Gradient, C> d_position_table;

    [[nodiscard]] constexpr EmbedBackward<T, Gradient> erased() const {
        return {ids, extent, d_out, d_token_table, d_position_table};
    }
    constexpr void check() const {
        LAMINA_EXPECTS(d_out.rows == extent.tokens() && detail::one_per_row(ids, d_out.rows),
                       "EmbedBackward: ids and d_out need a row per token");
        LAMINA_EXPECTS(d_token_table.cols == d_out.cols && d_position_table.cols == d_out.cols,
                       "EmbedBackward: gradients of different widths");
        LAMINA_EXPECTS(d_position_table.rows >= extent.sequence,
                       "EmbedBackward: fewer positions than tokens of a sequence");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const {
        return detail::bytes_of(d_out, ids) + 4 * detail::bytes_as<Gradient>(d_out);
    }
};

}  // namespace lamina
