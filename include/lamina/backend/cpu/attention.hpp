// SPDX-License-Identifier: MIT
// The CPU's causal multi-head attention.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/cross_entropy.hpp>
#include <lamina/backend/cpu/engine.hpp>
#include <lamina/backend/cpu/product.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/matrix_view.hpp>
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

/// Row by row, `view` as Compute: itself, or copied to `buffer`, which must have room for it.
template <class Compute, class T>
[[nodiscard]] MatrixView<const Compute> compute_view(const MatrixView<const T>& view, Compute* buffer) {
    if constexpr (std::is_same_v<T, Compute>) {
        return view;
    } else {
        for (std::size_t r = 0; r < view.rows; ++r) convert_run(view.row(r), buffer + r * view.cols, view.cols);
        return {buffer, view.rows, view.cols};
    }
}

/// Where to compute what `view` shall hold: in place, or in `buffer`.
template <class Compute, class T>
[[nodiscard]] MatrixView<Compute> work_view(const MatrixView<T>& view, Compute* buffer) {
    if constexpr (std::is_same_v<T, Compute>) {
        return view;
    } else {
        return {buffer, view.rows, view.cols};
    }
}

/// Brings what was computed in work_view(view) to `view`.
template <class Compute, class T>
void store_work(const MatrixView<Compute>& work, const MatrixView<T>& view) {
    if constexpr (!std::is_same_v<T, Compute>) {
        for (std::size_t r = 0; r < view.rows; ++r) convert_run(work.row(r), view.row(r), view.cols);
    }
}

/// scores[s] becomes exp(scale · (scores[s] - their largest)) for s in [0, count). Returns the sum, and in `shift`
/// what was subtracted from scale · scores.
template <class Compute>
[[nodiscard]] Compute exponentiate(Compute* scores, std::size_t count, Compute scale, Compute& shift) {
    const Compute top = largest(scores, count);
    Compute sum = 0;
    Block<Compute> terms;
    for (std::size_t first = 0; first < count; first += block_size) {
        const std::size_t length = std::min(block_size, count - first);
        apply(
            terms, length, [=](Compute score) { return math::exp(scale * (score - top)); },
            static_cast<const Compute*>(scores + first));
        terms.store(scores + first, length);
        sum += terms.sum(length);
    }
    shift = scale * top;
    return sum;
}

/// The output for the queries [first, first + count) of one head.
template <class T>
void attend(const Attention<T>& request, const HeadPlace& head, std::size_t first, std::size_t count,
            Scratch& scratch) {
    using Compute = ComputeOf<T>;
    using Engine = EngineFor<Compute>;
    const std::size_t width = head.head_width;
    const std::size_t embed = request.out.cols;
    const std::size_t keys_seen = first + count;
    const std::size_t copied = std::is_same_v<T, Compute> ? 0 : width;
    const auto [score_memory, q_memory, k_memory, v_memory, out_memory] = scratch.template arrays<Compute>(
        count * keys_seen, count * copied, keys_seen * copied, keys_seen * copied, count * copied);
    const auto out = head.of(request.out).middle_rows(first, count);                                   // [count, D]
    const auto q = compute_view(head.of(request.qkv).middle_rows(first, count), q_memory);             // [count, D]
    const auto k = compute_view(head.of(request.qkv, embed).middle_rows(0, keys_seen), k_memory);      // [seen, D]
    const auto v = compute_view(head.of(request.qkv, 2 * embed).middle_rows(0, keys_seen), v_memory);  // [seen, D]
    const auto mixed = work_view(out, out_memory);                                                     // [count, D]
    const MatrixView<Compute> scores(score_memory, count, keys_seen);

    Engine::multiply(Product<Compute>{.out = scores, .lhs = {q}, .rhs = {k, Transpose::yes}});
    const Compute scale = 1 / std::sqrt(static_cast<Compute>(width));
    Compute sums[query_block];
    for (std::size_t i = 0; i < count; ++i) {
        Compute* const row = scores.row(i);
        const std::size_t visible = first + i + 1;
        Compute shift = 0;
        sums[i] = exponentiate(row, visible, scale, shift);
        std::fill(row + visible, row + keys_seen, Compute(0));
        request.log_sum_exp(head.b * head.sequence + first + i, head.h) = std::log(sums[i]) + shift;
    }
    Engine::multiply(Product<Compute>{.out = mixed, .lhs = {MatrixView<const Compute>(scores)}, .rhs = {v}});
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t d = 0; d < width; ++d) mixed(i, d) /= sums[i];
    }
    store_work(mixed, out);
}

}  // namespace detail

template <class T>
void attention(Context& context, const Attention<T>& request) {
    const auto [batch, sequence] = request.extent;
    LAMINA_EXPECTS(request.heads > 0 && request.out.cols % request.heads == 0,
                   "CpuBackend: attention: the width is not a multiple of the number of heads");
    LAMINA_EXPECTS(request.qkv.cols == 3 * request.out.cols,
                   "CpuBackend: attention: qkv must be 3 times as wide as out");
    LAMINA_EXPECTS(request.qkv.rows == request.extent.tokens() && request.out.rows == request.extent.tokens(),
                   "CpuBackend: attention: qkv and out need a row per token");
    LAMINA_EXPECTS(request.log_sum_exp.rows == request.extent.tokens() && request.log_sum_exp.cols == request.heads,
                   "CpuBackend: attention: log_sum_exp must be [tokens, heads]");
    if (request.out.size() == 0) return;
    const std::size_t blocks = (sequence + detail::query_block - 1) / detail::query_block;
    const std::size_t tokens = sequence;
    context.team.for_each(batch * request.heads * blocks, [&](std::size_t index, std::size_t worker) {
        // The last queries see the most keys: starting with them leaves small pieces for the end.
        const std::size_t first = (blocks - 1 - index % blocks) * detail::query_block;
        const std::size_t head_index = index / blocks;
        const detail::HeadPlace head{.sequence = tokens,
                                     .head_width = request.out.cols / request.heads,
                                     .b = head_index / request.heads,
                                     .h = head_index % request.heads};
        detail::attend(request, head, first, std::min(detail::query_block, tokens - first), context.scratch[worker]);
    });
}

}  // namespace lamina::cpu
