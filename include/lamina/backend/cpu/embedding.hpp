// SPDX-License-Identifier: MIT
// The CPU's token and position embedding, and its backward.
#pragma once

#include <algorithm>
#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cpu {

template <class T, class Weight>
void execute(Context& context, const Embed<T, Weight>& request) {
    const std::size_t width = request.out.cols;
    context.for_each_row(request.extent.tokens(), width, [&](std::size_t n, std::size_t) {
        const std::size_t position = !request.positions.empty() ? request.positions[n] : n % request.extent.sequence;
        LAMINA_EXPECTS(position < request.position_table.rows, "Embed: a position outside the position table");
        const auto id = static_cast<std::size_t>(request.ids[n]);
        LAMINA_EXPECTS(request.ids[n] >= 0 && id < request.token_table.rows, "Embed: a token outside the vocabulary");
        using Compute = ComputeOf<T>;
        map_run<Compute>(
            request.out.row(n), width, [](Compute a, Compute b) { return a + b; }, request.token_table.row(id),
            request.position_table.row(position));
    });
}

namespace detail {

/// row += the sum of the rows of d_out whose indices are token_at(i), i in [0, count), in that order, rounded once.
template <class T, class Gradient, class TokenAt>
void add_rows(Gradient* row, MatrixView<const T> d_out, std::size_t count, const TokenAt& token_at) {
    using Compute = ComputeOf<Gradient>;
    Block<Compute> sum;
    for (std::size_t first = 0; first < d_out.cols; first += block_size) {
        const std::size_t length = std::min(block_size, d_out.cols - first);
        sum.load(row + first, length);
        for (std::size_t i = 0; i < count; ++i) {
            const T* const term = d_out.row(token_at(i)) + first;
            for (std::size_t c = 0; c < length; ++c) sum.values[c] += rounded<Compute>(term[c]);
        }
        sum.store(row + first, length);
    }
}

}  // namespace detail

template <class T, class Gradient>
void execute(Context& context, const EmbedBackward<T, Gradient>& request) {
    const auto& d_out = request.d_out;
    const std::size_t tokens = request.extent.tokens();

    // Tokens sorted by id, equal ones by place: each row of the table then belongs to one run, and one thread.
    const auto [order] = context.shared.template arrays<std::size_t>(tokens);
    for (std::size_t n = 0; n < tokens; ++n) {
        LAMINA_EXPECTS(request.ids[n] >= 0 && static_cast<std::size_t>(request.ids[n]) < request.d_token_table.rows,
                       "EmbedBackward: a token outside the vocabulary");
        order[n] = n;
    }
    std::sort(order, order + tokens,
              [ids = request.ids](std::size_t a, std::size_t b) { return ids[a] != ids[b] ? ids[a] < ids[b] : a < b; });
    context.for_each_row(tokens, d_out.cols, [&, sorted = order](std::size_t first, std::size_t) {
        const Token id = request.ids[sorted[first]];
        if (first > 0 && request.ids[sorted[first - 1]] == id) return;  // in the middle of another's run
        std::size_t last = first + 1;
        while (last < tokens && request.ids[sorted[last]] == id) ++last;
        detail::add_rows(request.d_token_table.row(static_cast<std::size_t>(id)), d_out, last - first,
                         [&](std::size_t i) { return sorted[first + i]; });
    });
    context.for_each_row(request.extent.sequence, request.extent.batch * d_out.cols, [&](std::size_t t, std::size_t) {
        detail::add_rows(request.d_position_table.row(t), d_out, request.extent.batch,
                         [&](std::size_t b) { return b * request.extent.sequence + t; });
    });
}

}  // namespace lamina::cpu
