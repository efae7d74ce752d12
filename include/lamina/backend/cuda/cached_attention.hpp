// SPDX-License-Identifier: MIT
// The CUDA backend's causal attention of packed segments over a cache of keys and values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
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
#include <lamina/core/host_device.hpp>

namespace lamina::cuda {

namespace detail {

/// Up to as many rows of a segment as a block takes, from the segment's `begin`-th on.
struct SegmentPart {
    PackedSegment segment;
    std::size_t begin;
};

/// The parts of all segments, `rows` of a segment to each, those whose queries see the most keys first.
[[nodiscard]] inline std::vector<SegmentPart> parts_of(std::span<const PackedSegment> segments, std::size_t rows) {
    std::vector<SegmentPart> parts;
    for (const PackedSegment& segment : segments) {
        for (std::size_t begin = 0; begin < segment.count; begin += rows) parts.push_back({segment, begin});
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
    auto parts = parts_of(request.segments, RegisterTile<ComputeOf<T>>::side);
    if (parts.empty()) return;
    run_plain_attention<T>(context, "CachedAttention", PackedSegments<T>{request, uploaded(context, std::move(parts))});
}

template <class Shape>
void run_flash_cached_attention(Context& context, const CachedAttention<bf16>& request) {
    auto parts = parts_of(request.segments, Shape::rows);
    if (parts.empty()) return;
    const PackedSegments<bf16> source{request, uploaded(context, std::move(parts))};
    launch(context.stream(), "CachedAttention", source.shape(Shape::threads, Shape::shared_bytes),
           flash_attention_kernel<Shape, PackedSegments<bf16>>, source);
}

/// True if blocks of MiddleRows suit the segments: such a block reads keys once for twice as many rows, which is worth
/// some rows that do not exist, half as many as short blocks have rows in all.
[[nodiscard]] inline bool are_long(std::span<const PackedSegment> segments) {
    std::size_t in_long_blocks = 0;
    std::size_t in_short_blocks = 0;
    for (const PackedSegment& segment : segments) {
        in_long_blocks += pieces(segment.count, MiddleRows::rows) * MiddleRows::rows;
        in_short_blocks += pieces(segment.count, ShortRows::rows) * ShortRows::rows;
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
void execute(Context& context, const CachedAttention<T>& request) {
    if (request.out.cols == 0) return;
    if constexpr (std::is_same_v<T, bf16>) {
        if (is_for_flash(request)) {
            return detail::are_long(request.segments)
                       ? detail::run_flash_cached_attention<detail::MiddleRows>(context, request)
                       : detail::run_flash_cached_attention<detail::ShortRows>(context, request);
        }
    }
    detail::plain_cached_attention(context, request);
}

template <class T>
void execute(Context& context, const StoreKeysValues<T>& request) {
    std::vector<PackedSegment> stored;
    std::copy_if(request.segments.begin(), request.segments.end(), std::back_inserter(stored),
                 [](const PackedSegment& segment) { return segment.store_first != PackedSegment::not_stored; });
    auto parts = detail::parts_of(stored, detail::stored_rows);
    if (parts.empty() || request.keys.cols == 0) return;
    const detail::PartList list = detail::uploaded(context, std::move(parts));
    launch(context.stream(), "StoreKeysValues", {.blocks = list.count, .threads = 256},
           detail::store_keys_values_kernel<T>, request, list.parts);
}

}  // namespace lamina::cuda
