// SPDX-License-Identifier: MIT
// The CPU's causal multi-head attention.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/cross_entropy.hpp>
#include <lamina/backend/cpu/engine.hpp>
#include <lamina/backend/cpu/product.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/vector_math.hpp>

namespace lamina::cpu {

namespace detail {

/// Queries whose scores against all keys before them are held at a time: enough for efficient products, few enough
/// for the scores to stay in the second-level cache at a thousand tokens.
inline constexpr std::size_t query_block = 64;

/// The rows of sequence `b` and columns of head `h` within one of the side-by-side [B·T, C] parts of a matrix.
struct HeadPlace {
    std::size_t sequence;  ///< T
    std::size_t head_width;
    std::size_t b;
    std::size_t h;

    template <class T>
    [[nodiscard]] MatrixView<T> of(const MatrixView<T>& matrix, std::size_t first_col = 0) const {
        return matrix.middle_rows(b * sequence, sequence).columns(first_col + h * head_width, head_width);
    }
};

/// A copy of `view` in `memory`, without gaps: engines read it several times, each time faster than the original.
template <class Compute, class T>
[[nodiscard]] MatrixView<const Compute> packed(const MatrixView<const T>& view, Compute* memory) {
    for (std::size_t r = 0; r < view.rows; ++r) convert_run(view.row(r), memory + r * view.cols, view.cols);
    return {memory, view.rows, view.cols};
}

/// The scores of keys that come after their query, in a block of scores whose first query is token `first`, become
/// -inf, so that they weigh nothing.
template <class Compute>
void hide_later_keys(const MatrixView<Compute>& scores, std::size_t first) {
    for (std::size_t i = 0; i < scores.rows; ++i) {
        Compute* const row = scores.row(i);
        std::fill(row + first + i + 1, row + scores.cols, -std::numeric_limits<Compute>::infinity());
    }
}

/// scores[s] becomes exp(scale · (scores[s] - their largest)) for s in [0, count). Returns the sum, and in `shift`
/// what was subtracted from scale · scores.
template <class Compute>
[[nodiscard]] Compute exponentiate(Compute* scores, std::size_t count, Compute scale, Compute& shift) {
    const Compute top = largest(scores, count);
    Sum<Compute> sum;
    Block<Compute> terms;
    for (std::size_t first = 0; first < count; first += block_size) {
        const std::size_t length = std::min(block_size, count - first);
        apply(
            terms, length, [=](Compute score) { return math::exp(scale * (score - top)); },
            static_cast<const Compute*>(scores + first));
        terms.store(scores + first, length);
        sum.add(terms.values, length);
    }
    shift = scale * top;
    return sum.result();
}

/// One head of one sequence in the forward pass, every matrix as it is computed.
template <class Compute>
struct HeadForward {
    MatrixView<const Compute> q;  // [T, D]
    MatrixView<const Compute> k;  // [T, D]
    MatrixView<const Compute> v;  // [T, D]
    Compute* scores;              // room for [query_block, T]
    Compute* out;                 // room for [query_block, D]

    /// The output for the queries [first, first + count), and the logarithms of their denominators.
    [[nodiscard]] MatrixView<Compute> attend(std::size_t first, std::size_t count, Compute* log_sum_exp) const {
        using Engine = EngineFor<Compute>;
        const std::size_t width = q.cols;
        const std::size_t seen = first + count;
        const MatrixView<Compute> weights(scores, count, seen);
        const MatrixView<Compute> mixed(out, count, width);
        Engine::multiply(Product<Compute>{
            .out = weights, .lhs = {q.middle_rows(first, count)}, .rhs = {k.middle_rows(0, seen), Transpose::yes}});
        hide_later_keys(weights, first);
        const Compute scale = 1 / std::sqrt(static_cast<Compute>(width));
        Compute sums[query_block];
        for (std::size_t i = 0; i < count; ++i) {
            Compute shift = 0;
            sums[i] = exponentiate(weights.row(i), seen, scale, shift);
            log_sum_exp[i] = std::log(sums[i]) + shift;
        }
        Engine::multiply(Product<Compute>{
            .out = mixed, .lhs = {MatrixView<const Compute>(weights)}, .rhs = {v.middle_rows(0, seen)}});
        for (std::size_t i = 0; i < count; ++i) {
            for (std::size_t d = 0; d < width; ++d) mixed(i, d) /= sums[i];
        }
        return mixed;
    }
};

/// The output of one head for every `step`-th block of queries, the first of them being `first_block`.
template <class T>
void attend(const Attention<T>& request, const HeadPlace& head, std::size_t first_block, std::size_t step,
            Scratch& scratch) {
    using Compute = ComputeOf<T>;
    const std::size_t width = head.head_width;
    const std::size_t length = head.sequence;
    const std::size_t embed = request.out.cols;
    const auto [scores, out_block, q, k, v] = scratch.template arrays<Compute>(
        query_block * length, query_block * width, length * width, length * width, length * width);
    const HeadForward<Compute> work{.q = packed(head.of(request.qkv), q),
                                    .k = packed(head.of(request.qkv, embed), k),
                                    .v = packed(head.of(request.qkv, 2 * embed), v),
                                    .scores = scores,
                                    .out = out_block};
    const auto out = head.of(request.out);  // [T, D]
    for (std::size_t first = first_block * query_block; first < length; first += step * query_block) {
        const std::size_t count = std::min(query_block, length - first);
        Compute log_sum_exp[query_block];
        const auto mixed = work.attend(first, count, log_sum_exp);  // [count, D]
        for (std::size_t i = 0; i < count; ++i) {
            convert_run(mixed.row(i), out.row(first + i), width);
            request.log_sum_exp(head.b * length + first + i, head.h) = log_sum_exp[i];
        }
    }
}

}  // namespace detail

template <class T>
void execute(Context& context, const Attention<T>& request) {
    const auto [batch, sequence] = request.extent;
    if (request.out.size() == 0) return;
    // Where there are too few heads to keep all threads busy to the end, several share one, each with its own queries.
    const std::size_t heads = batch * request.heads;
    const std::size_t blocks = (sequence + detail::query_block - 1) / detail::query_block;
    const std::size_t threads = context.team.size();
    const std::size_t shares = threads == 1 ? 1 : std::min(blocks, (4 * threads + heads - 1) / heads);
    const std::size_t length = sequence;
    context.team.for_each(heads * shares, [&](std::size_t index, std::size_t worker) {
        const detail::HeadPlace head{.sequence = length,
                                     .head_width = request.out.cols / request.heads,
                                     .b = index / shares / request.heads,
                                     .h = index / shares % request.heads};
        detail::attend(request, head, index % shares, shares, context.scratch[worker]);
    });
}

}  // namespace lamina::cpu
