// SPDX-License-Identifier: MIT
// Tokens sorted by id, equal ones by place, so that each id's tokens are neighbours.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/host_device.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/token.hpp>

namespace lamina::cuda {

/// A token's id and its place among all, in one number that orders by the id first.
struct PlacedToken {
    std::uint64_t key;

    [[nodiscard]] LAMINA_HOST_DEVICE static constexpr PlacedToken of(Token id, std::size_t place) {
        return {static_cast<std::uint64_t>(static_cast<std::uint32_t>(id)) << 32U | place};
    }
    /// Behind every token.
    [[nodiscard]] LAMINA_HOST_DEVICE static constexpr PlacedToken none() { return {~std::uint64_t{0}}; }

    [[nodiscard]] LAMINA_HOST_DEVICE constexpr Token id() const { return static_cast<Token>(key >> 32U); }
    [[nodiscard]] LAMINA_HOST_DEVICE constexpr std::size_t place() const { return key & 0xFFFF'FFFFU; }
};

/// Two places of a sequence, the smaller first.
struct Pair {
    std::size_t low;
    std::size_t high;

    /// The i-th pair of Batcher's bitonic sort with this distance, a power of two, between the two. The first step of a
    /// round compares places that mirror each other in their run of 2 · distance, which leaves all runs ascending.
    [[nodiscard]] LAMINA_HOST_DEVICE static constexpr Pair of(std::size_t i, std::size_t distance, bool first_step) {
        const std::size_t within = i & (distance - 1);
        const std::size_t low = 2 * (i - within) + within;
        return {low, first_step ? 2 * (i - within) + (2 * distance - 1 - within) : low + distance};
    }
};

namespace detail {

constexpr unsigned sort_threads = 1024;

/// By one block: log² steps over what the cache holds take less time than as many launches.
template <class Id>
__global__ void __launch_bounds__(sort_threads)
    sort_kernel(const Id* ids, std::size_t count, PlacedToken* sorted, std::size_t size) {
    for (std::size_t n = thread_index(); n < size; n += thread_count()) {
        sorted[n] = n < count ? PlacedToken::of(ids[n], n) : PlacedToken::none();
    }
    for (std::size_t run = 1; run < size; run *= 2) {
        for (std::size_t distance = run; distance > 0; distance /= 2) {
            sync_threads();
            for (std::size_t i = thread_index(); i < size / 2; i += thread_count()) {
                const Pair pair = Pair::of(i, distance, distance == run);
                const PlacedToken low = sorted[pair.low];
                const PlacedToken high = sorted[pair.high];
                if (low.key > high.key) {
                    sorted[pair.low] = high;
                    sorted[pair.high] = low;
                }
            }
        }
    }
}

}  // namespace detail

/// The tokens by id, then by place, in scratch memory of Scratch::indices.
///
/// errors   LAMINA_EXPECTS fewer than 2^32 tokens
/// cost     N · log² N comparisons of N tokens
[[nodiscard]] inline const PlacedToken* sorted_tokens(Context& context, const Rows<const Token, 1>& ids) {
    LAMINA_EXPECTS(ids.rows <= 0xFFFF'FFFFU, "EmbedBackward: more than 2^32 tokens");
    if (ids.rows == 0) return nullptr;
    const std::size_t size = std::bit_ceil(ids.rows);
    auto* const sorted = context.scratch<PlacedToken>(Scratch::indices, size);
    launch(context.stream(), "EmbedBackward", {.blocks = 1, .threads = detail::sort_threads},
           detail::sort_kernel<Token>, ids.data, ids.rows, sorted, size);
    return sorted;
}

}  // namespace lamina::cuda
