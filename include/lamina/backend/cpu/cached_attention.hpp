// SPDX-License-Identifier: MIT
// The CPU's causal attention of packed segments over a cache of keys and values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/attention.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/engine.hpp>
#include <lamina/backend/cpu/few_rows.hpp>
#include <lamina/backend/cpu/product.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cpu {

namespace detail {

/// One head of one segment: its own rows, and those of its prefix.
template <class T>
struct SegmentHead {
    MatrixView<const T> q;              // [count, D]
    MatrixView<const T> k;              // [count, D]
    MatrixView<const T> v;              // [count, D]
    MatrixView<const T> prefix_keys;    // [prefix, D]
    MatrixView<const T> prefix_values;  // [prefix, D]
    MatrixView<T> out;                  // [count, D]

    SegmentHead(const CachedAttention<T>& request, const PackedSegment& segment, std::size_t head) {
        const std::size_t embed = request.out.cols;
        const std::size_t width = embed / request.heads;
        const std::size_t first_col = head * width;
        const auto own = request.qkv.middle_rows(segment.first, segment.count);
        const auto prefix = [&](const MatrixView<const T>& cache) {
            return cache.middle_rows(segment.prefix_first, segment.prefix_count).columns(first_col, width);
        };
        q = own.columns(first_col, width);
        k = own.columns(embed + first_col, width);
        v = own.columns(2 * embed + first_col, width);
        prefix_keys = prefix(request.keys);
        prefix_values = prefix(request.values);
        out = request.out.middle_rows(segment.first, segment.count).columns(first_col, width);
    }
};

/// scores[s] = query · keys[s].
template <class Compute, class T>
void score_rows(Compute* scores, const Compute* query, const MatrixView<const T>& keys) {
    for (std::size_t s = 0; s < keys.rows; ++s) scores[s] = dot(query, keys.row(s), keys.cols);
}

/// A few queries, one after another: keys and values are read in place, as they are stored.
template <class T>
void attend_few(const SegmentHead<T>& head, Scratch& scratch) {
    using Compute = ComputeOf<T>;
    const std::size_t width = head.q.cols;
    const std::size_t prefix = head.prefix_keys.rows;
    // Rounded up, so that a sequence that grows token by token does not ask for more memory with each of them.
    constexpr std::size_t step = 1024;
    const std::size_t room = (prefix + head.q.rows + step - 1) / step * step;
    const auto [scores, query, mixed] = scratch.template arrays<Compute>(room, width, width);
    const Compute scale = 1 / std::sqrt(static_cast<Compute>(width));
    for (std::size_t i = 0; i < head.q.rows; ++i) {
        convert_run(head.q.row(i), query, width);
        score_rows(scores, query, head.prefix_keys);
        score_rows(scores + prefix, query, head.k.middle_rows(0, i + 1));
        Compute shift = 0;
        const Compute sum = exponentiate(scores, prefix + i + 1, scale, shift);
        std::fill_n(mixed, width, Compute(0));
        const MatrixView<const Compute> weights(scores, 1, prefix + i + 1);
        add_row_times_matrix(mixed, weights.data, head.prefix_values, 0, width);
        add_row_times_matrix(mixed, weights.data + prefix, head.v.middle_rows(0, i + 1), 0, width);
        for (std::size_t d = 0; d < width; ++d) mixed[d] /= sum;
        convert_run(mixed, head.out.row(i), width);
    }
}

/// The queries [first, first + count) of a head.
template <class T>
void attend_block(const SegmentHead<T>& head, std::size_t first, std::size_t count, Scratch& scratch) {
    using Compute = ComputeOf<T>;
    using Engine = EngineFor<Compute>;
    const std::size_t width = head.q.cols;
    const std::size_t prefix = head.prefix_keys.rows;
    const std::size_t own = first + count;
    const std::size_t seen = prefix + own;
    const auto [scores, mixed_rows, queries, keys, values] = scratch.template arrays<Compute>(
        count * seen, count * width, count * width, std::max(prefix, own) * width, std::max(prefix, own) * width);
    const MatrixView<Compute> weights(scores, count, seen);
    const MatrixView<Compute> mixed(mixed_rows, count, width);
    const auto q = packed(head.q.middle_rows(first, count), queries);  // [count, D]
    const auto score = [&](const MatrixView<const T>& k, std::size_t first_col, Compute* memory) {
        Engine::multiply(Product<Compute>{
            .out = weights.columns(first_col, k.rows), .lhs = {q}, .rhs = {packed(k, memory), Transpose::yes}});
    };
    if (prefix > 0) score(head.prefix_keys, 0, keys);
    score(head.k.middle_rows(0, own), prefix, keys);
    hide_later_keys(weights, prefix + first);
    const Compute scale = 1 / std::sqrt(static_cast<Compute>(width));
    Compute sums[query_block];
    for (std::size_t i = 0; i < count; ++i) {
        Compute shift = 0;
        sums[i] = exponentiate(weights.row(i), seen, scale, shift);
    }
    const auto mix = [&](const MatrixView<const T>& v, std::size_t first_col, Compute* memory, Write write) {
        Engine::multiply(Product<Compute>{.out = mixed,
                                          .lhs = {MatrixView<const Compute>(weights.columns(first_col, v.rows))},
                                          .rhs = {packed(v, memory)},
                                          .write = write});
    };
    if (prefix > 0) mix(head.prefix_values, 0, values, Write::overwrite);
    mix(head.v.middle_rows(0, own), prefix, values, prefix > 0 ? Write::accumulate : Write::overwrite);
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t d = 0; d < width; ++d) mixed(i, d) /= sums[i];
        convert_run(mixed.row(i), head.out.row(first + i), width);
    }
}

}  // namespace detail

template <class T>
void execute(Context& context, const CachedAttention<T>& request) {
    const std::size_t embed = request.out.cols;
    std::size_t longest = 0;
    for (const PackedSegment& segment : request.segments) longest = std::max(longest, segment.count);
    if (embed == 0) return;
    const std::size_t blocks = (longest + detail::query_block - 1) / detail::query_block;
    context.team.for_each(request.segments.size() * request.heads * blocks, [&](std::size_t index, std::size_t worker) {
        const PackedSegment& segment = request.segments[index / (request.heads * blocks)];
        const std::size_t first = index % blocks * detail::query_block;
        if (first >= segment.count) return;  // a segment shorter than the longest
        const detail::SegmentHead<T> head(request, segment, index / blocks % request.heads);
        if (segment.count <= FewRows::most) {
            detail::attend_few(head, context.scratch[worker]);
        } else {
            const std::size_t count = std::min(detail::query_block, segment.count - first);
            detail::attend_block(head, first, count, context.scratch[worker]);
        }
    });
}

template <class T>
void execute(Context& context, const StoreKeysValues<T>& request) {
    const std::size_t width = request.keys.cols;
    context.team.for_each(request.segments.size(), [&](std::size_t index, std::size_t) {
        const PackedSegment& segment = request.segments[index];
        if (segment.store_first == PackedSegment::not_stored) return;
        for (std::size_t i = 0; i < segment.count; ++i) {
            const T* const row = request.qkv.row(segment.first + i);
            convert_run(row + width, request.keys.row(segment.store_first + i), width);
            convert_run(row + 2 * width, request.values.row(segment.store_first + i), width);
        }
    });
}

}  // namespace lamina::cpu
