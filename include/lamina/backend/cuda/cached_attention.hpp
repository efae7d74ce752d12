// SPDX-License-Identifier: MIT
// The CUDA backend's causal attention of packed segments over a cache of keys and values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include <cuda_runtime_api.h>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/attention_rows.hpp>
#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/flash_attention.hpp>
#include <lamina/backend/cuda/flash_tile.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/backend/cuda/plain_attention.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/backend/cuda/register_tile.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/host_device.hpp>

namespace lamina::cuda {

namespace detail {

/// Up to as many rows of a segment as a block takes, from the segment's `begin`-th on.
struct SegmentPart {
    PackedSegment segment;
    std::size_t begin;
};

/// The parts of all segments, `rows` of a segment to each, those whose queries see the most keys first.
[[nodiscard]] inline std::vector<SegmentPart> parts_of(const PackedSegment* segments, std::size_t count,
                                                       std::size_t rows) {
    std::vector<SegmentPart> parts;
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t begin = 0; begin < segments[i].count; begin += rows) parts.push_back({segments[i], begin});
    }
    std::stable_sort(parts.begin(), parts.end(), [](const SegmentPart& a, const SegmentPart& b) {
        return a.segment.prefix_count + a.begin > b.segment.prefix_count + b.begin;
    });
    return parts;
}

/// A list of parts on the device.
struct PartList {
    const SegmentPart* parts;
    unsigned count;
};

/// A copy of `parts` on the device, which is in scratch: the next call makes another. What is queued before still sees
/// the old parts.
[[nodiscard]] inline PartList uploaded(Context& context, std::vector<SegmentPart> parts) {
    if (context.recording) {
        throw Error("lamina: CudaBackend: segments are read from the host, which a recorded graph would not do again");
    }
    const std::size_t count = parts.size();
    auto* const memory = context.scratch<SegmentPart>(Scratch::indices, count);
    // A device that reaches the host's pageable memory by itself may read it long after the call has returned.
    const SegmentPart* const host = context.keep(std::move(parts));
    check(cudaMemcpyAsync(memory, host, count * sizeof(SegmentPart), cudaMemcpyHostToDevice, context.stream()),
          "uploading segments");
    return {memory, static_cast<unsigned>(count)};
}

/// The parts of packed segments, one for each block of every head.
template <class T>
struct PackedSegments {
    CachedAttention<T> request;
    PartList list;
    unsigned chunks = 1;

    [[nodiscard]] LaunchShape shape(unsigned threads, std::size_t shared_bytes) const {
        return {.blocks = list.count * static_cast<unsigned>(request.heads),
                .threads = threads,
                .shared_bytes = shared_bytes,
                .blocks_y = chunks};
    }
    void set_chunks(unsigned count) { chunks = count; }
    LAMINA_HOST_DEVICE [[nodiscard]] unsigned head_width() const {
        return static_cast<unsigned>(request.out.cols / request.heads);
    }

    LAMINA_HOST_DEVICE [[nodiscard]] AttentionRows<T, Prefix::cached> rows(const BlockIndex& block) const {
        AttentionRows<T, Prefix::cached> rows;
        const auto heads = static_cast<unsigned>(request.heads);
        const SegmentPart& part = list.parts[block.x / heads];
        const std::size_t col = std::size_t{block.x % heads} * head_width();
        rows.place(request.qkv, request.out, part.segment.first, col);
        rows.cached_keys = HeadRows<const T>(request.keys, part.segment.prefix_first, col);
        rows.cached_values = HeadRows<const T>(request.values, part.segment.prefix_first, col);
        rows.prefix = static_cast<unsigned>(part.segment.prefix_count);
        rows.count = static_cast<unsigned>(part.segment.count);
        rows.first = static_cast<unsigned>(part.begin);
        rows.chunk = block.y;
        return rows;
    }
};

template <class T>
void plain_cached_attention(Context& context, const CachedAttention<T>& request) {
    auto parts = parts_of(request.segments, request.segment_count, RegisterTile<ComputeOf<T>>::side);
    if (parts.empty()) return;
    run_plain_attention<T>(context, "cached_attention",
                           PackedSegments<T>{request, uploaded(context, std::move(parts))});
}

template <class Shape>
void run_flash_cached_attention(Context& context, const CachedAttention<bf16>& request) {
    auto parts = parts_of(request.segments, request.segment_count, Shape::rows);
    if (parts.empty()) return;
    const PackedSegments<bf16> source{request, uploaded(context, std::move(parts))};
    launch(context.stream(), "cached_attention", source.shape(Shape::threads, Shape::shared_bytes),
           flash_attention_kernel<Shape, PackedSegments<bf16>>, source);
}

/// True if blocks of MiddleRows suit the segments: such a block reads keys once for twice as many rows, which is worth
/// some rows that do not exist, half as many as short blocks have rows in all.
[[nodiscard]] inline bool are_long(const PackedSegment* segments, std::size_t count) {
    std::size_t in_long_blocks = 0;
    std::size_t in_short_blocks = 0;
    for (std::size_t i = 0; i < count; ++i) {
        in_long_blocks += pieces(segments[i].count, MiddleRows::rows) * MiddleRows::rows;
        in_short_blocks += pieces(segments[i].count, ShortRows::rows) * ShortRows::rows;
    }
    return 2 * in_long_blocks <= 3 * in_short_blocks;
}

/// Rows of qkv that one block of store_keys_values_kernel copies.
inline constexpr unsigned stored_rows = 8;

/// keys and values of up to `stored_rows` rows of a segment.
template <class T>
__global__ void store_keys_values_kernel(StoreKeysValues<T> request, const SegmentPart* parts) {
    const SegmentPart part = parts[block_index().x];
    const std::size_t left = part.segment.count - part.begin;
    const std::size_t rows = left < stored_rows ? left : stored_rows;
    const std::size_t width = request.keys.cols;
    for (std::size_t row = part.begin; row < part.begin + rows; ++row) {
        const T* const from = request.qkv.row(part.segment.first + row);
        T* const key = request.keys.row(part.segment.store_first + row);
        T* const value = request.values.row(part.segment.store_first + row);
        for (std::size_t col = thread_index(); col < width; col += thread_count()) {
            key[col] = from[width + col];
            value[col] = from[2 * width + col];
        }
    }
}

}  // namespace detail

/// True if the matrix units take the request: bf16, heads of 64 columns, everything in whole pieces of 16 bytes.
[[nodiscard]] inline bool is_for_flash(const CachedAttention<bf16>& request) {
    return request.out.cols == request.heads * detail::flash_width &&
           is_packed<detail::FlashTile::chunk>(request.qkv) && is_packed<detail::FlashTile::chunk>(request.keys) &&
           is_packed<detail::FlashTile::chunk>(request.values) && is_packed<detail::FlashTile::chunk>(request.out);
}

template <class T>
void cached_attention(Context& context, const CachedAttention<T>& request) {
    const std::size_t embed = request.out.cols;
    LAMINA_EXPECTS(request.heads > 0 && embed % request.heads == 0,
                   "CudaBackend: cached_attention: the width is not a multiple of the number of heads");
    LAMINA_EXPECTS(request.qkv.cols == 3 * embed && request.qkv.rows == request.out.rows,
                   "CudaBackend: cached_attention: qkv must have the rows of out and 3 times its width");
    LAMINA_EXPECTS(
        request.keys.cols == embed && request.values.cols == embed && request.keys.rows == request.values.rows,
        "CudaBackend: cached_attention: keys and values must be of one shape, as wide as out");
    for (std::size_t i = 0; i < request.segment_count; ++i) {
        LAMINA_EXPECTS(request.segments[i].first + request.segments[i].count <= request.qkv.rows,
                       "CudaBackend: cached_attention: a segment past the last row of qkv");
        LAMINA_EXPECTS(request.segments[i].prefix_first + request.segments[i].prefix_count <= request.keys.rows,
                       "CudaBackend: cached_attention: a prefix past the last row of the cache");
    }
    if (embed == 0) return;
    if constexpr (std::is_same_v<T, bf16>) {
        if (is_for_flash(request)) {
            return detail::are_long(request.segments, request.segment_count)
                       ? detail::run_flash_cached_attention<detail::MiddleRows>(context, request)
                       : detail::run_flash_cached_attention<detail::ShortRows>(context, request);
        }
    }
    detail::plain_cached_attention(context, request);
}

template <class T>
void store_keys_values(Context& context, const StoreKeysValues<T>& request) {
    const std::size_t width = request.keys.cols;
    LAMINA_EXPECTS(
        request.qkv.cols == 3 * width && request.values.cols == width && request.values.rows == request.keys.rows,
        "CudaBackend: store_keys_values: keys and values must be of one shape, a third of qkv's width");
    std::vector<PackedSegment> stored;
    for (std::size_t i = 0; i < request.segment_count; ++i) {
        const PackedSegment& segment = request.segments[i];
        if (segment.store_first == PackedSegment::not_stored) continue;
        LAMINA_EXPECTS(segment.first + segment.count <= request.qkv.rows,
                       "CudaBackend: store_keys_values: a segment past the last row of qkv");
        LAMINA_EXPECTS(segment.store_first + segment.count <= request.keys.rows,
                       "CudaBackend: store_keys_values: a segment that is stored past the last row of the cache");
        stored.push_back(segment);
    }
    auto parts = detail::parts_of(stored.data(), stored.size(), detail::stored_rows);
    if (parts.empty() || width == 0) return;
    const detail::PartList list = detail::uploaded(context, std::move(parts));
    launch(context.stream(), "store_keys_values", {.blocks = list.count, .threads = 256},
           detail::store_keys_values_kernel<T>, request, list.parts);
}

}  // namespace lamina::cuda
