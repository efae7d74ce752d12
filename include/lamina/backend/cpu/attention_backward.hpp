// SPDX-License-Identifier: MIT
// The backward of the CPU's causal multi-head attention.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/attention.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/engine.hpp>
#include <lamina/backend/cpu/product.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/vector_math.hpp>

namespace lamina::cpu {

namespace detail {

/// One head of one sequence in the backward pass, every matrix [T, D] and as it is computed.
template <class Compute>
struct HeadBackward {
    MatrixView<const Compute> q;
    MatrixView<const Compute> k;
    MatrixView<const Compute> v;
    MatrixView<const Compute> d_out;
    MatrixView<Compute> d_q;
    MatrixView<Compute> d_k;
    MatrixView<Compute> d_v;
    Compute scale;
    Compute* probabilities;    ///< room for [query_block, T]
    Compute* d_scores;         ///< the same
    Compute* log_sum_exp;      ///< [T]
    Compute* d_out_times_out;  ///< [T], d_out · out of each token: what all its probabilities' gradients have too much

    /// The contribution of the queries [first, first + count): sets their d_q, adds to d_k and d_v.
    void add_queries(std::size_t first, std::size_t count) const {
        using Engine = EngineFor<Compute>;
        const std::size_t seen = first + count;
        const MatrixView<Compute> p(probabilities, count, seen);
        const MatrixView<Compute> d_p(d_scores, count, seen);
        const auto q_block = q.middle_rows(first, count);
        const auto d_out_block = d_out.middle_rows(first, count);
        Engine::multiply(Product<Compute>{.out = p, .lhs = {q_block}, .rhs = {k.middle_rows(0, seen), Transpose::yes}});
        Engine::multiply(
            Product<Compute>{.out = d_p, .lhs = {d_out_block}, .rhs = {v.middle_rows(0, seen), Transpose::yes}});
        hide_later_keys(p, first);
        for (std::size_t i = 0; i < count; ++i) turn_into_gradient(p.row(i), d_p.row(i), first + i, seen);
        const MatrixView<const Compute> p_read(p);
        const MatrixView<const Compute> d_read(d_p);
        Engine::multiply(Product<Compute>{.out = d_v.middle_rows(0, seen),
                                          .lhs = {p_read, Transpose::yes},
                                          .rhs = {d_out_block},
                                          .write = Write::accumulate});
        Engine::multiply(Product<Compute>{.out = d_k.middle_rows(0, seen),
                                          .lhs = {d_read, Transpose::yes},
                                          .rhs = {q_block},
                                          .write = Write::accumulate});
        Engine::multiply(
            Product<Compute>{.out = d_q.middle_rows(first, count), .lhs = {d_read}, .rhs = {k.middle_rows(0, seen)}});
    }

private:
    /// Scores of query t become probabilities, and the probabilities' gradients become the scores'.
    void turn_into_gradient(Compute* p, Compute* d_p, std::size_t t, std::size_t seen) const {
        map_run<Compute>(
            p, seen, [factor = scale, shift = log_sum_exp[t]](Compute s) { return math::exp(factor * s - shift); },
            static_cast<const Compute*>(p));
        map_run<Compute>(
            d_p, seen,
            [factor = scale, excess = d_out_times_out[t]](Compute probability, Compute d) {
                return factor * probability * (d - excess);
            },
            static_cast<const Compute*>(p), static_cast<const Compute*>(d_p));
    }
};

template <class T>
void attend_backward(const AttentionBackward<T>& request, const HeadPlace& head, Scratch& scratch) {
    using Compute = ComputeOf<T>;
    const std::size_t length = head.sequence;
    const std::size_t embed = request.out.cols;
    const std::size_t strip = std::min(query_block, length) * length;
    const std::size_t matrix = length * head.head_width;
    const auto memory = scratch.template arrays<Compute>(strip, strip, length, length, matrix, matrix, matrix, matrix,
                                                         matrix, matrix, matrix);
    const auto gradient = [&](std::size_t i) { return MatrixView<Compute>(memory[i], length, head.head_width); };
    const HeadBackward<Compute> work{
        .q = packed(head.of(request.qkv), memory[4]),
        .k = packed(head.of(request.qkv, embed), memory[5]),
        .v = packed(head.of(request.qkv, 2 * embed), memory[6]),
        .d_out = packed(head.of(request.d_out), memory[7]),
        .d_q = gradient(8),
        .d_k = gradient(9),
        .d_v = gradient(10),
        .scale = 1 / std::sqrt(static_cast<Compute>(head.head_width)),
        .probabilities = memory[0],
        .d_scores = memory[1],
        .log_sum_exp = memory[2],
        .d_out_times_out = memory[3],
    };
    const auto out = head.of(request.out);  // [T, D]
    for (std::size_t t = 0; t < length; ++t) {
        work.log_sum_exp[t] = request.log_sum_exp(head.b * length + t, head.h);
        work.d_out_times_out[t] = sum_run<Compute>(
            head.head_width, [](Compute d, Compute o) { return d * o; }, work.d_out.row(t), out.row(t));
    }
    std::fill_n(work.d_k.data, matrix, Compute(0));
    std::fill_n(work.d_v.data, matrix, Compute(0));
    for (std::size_t first = 0; first < length; first += query_block) {
        work.add_queries(first, std::min(query_block, length - first));
    }
    for (std::size_t t = 0; t < length; ++t) {
        convert_run(work.d_q.row(t), head.of(request.d_qkv).row(t), head.head_width);
        convert_run(work.d_k.row(t), head.of(request.d_qkv, embed).row(t), head.head_width);
        convert_run(work.d_v.row(t), head.of(request.d_qkv, 2 * embed).row(t), head.head_width);
    }
}

}  // namespace detail

template <class T>
void execute(Context& context, const AttentionBackward<T>& request) {
    if (request.out.size() == 0) return;
    context.team.for_each(request.extent.batch * request.heads, [&](std::size_t index, std::size_t worker) {
        const detail::HeadPlace head{.sequence = request.extent.sequence,
                                     .head_width = request.out.cols / request.heads,
                                     .b = index / request.heads,
                                     .h = index % request.heads};
        detail::attend_backward(request, head, context.scratch[worker]);
    });
}

}  // namespace lamina::cpu
