// SPDX-License-Identifier: MIT
// Loops over runs of stored scalars, made of blocks small enough for the first-level cache, so that compilers vectorise
// every conversion and every function inlined into them, whatever overlaps what.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <lamina/core/bfloat16.hpp>

namespace lamina::cpu {

/// `value` as a `To`, rounded to nearest.
template <class To, class From>
[[nodiscard]] inline To rounded(From value) {
    if constexpr (std::is_same_v<To, From>) {
        return value;
    } else if constexpr (std::is_same_v<To, bf16>) {
        return bf16(static_cast<float>(value));
    } else {
        return static_cast<To>(value);
    }
}

/// to[i] = from[i]; the two must not overlap.
template <class From, class To>
inline void convert_run(const From* __restrict from, To* __restrict to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] = rounded<To>(from[i]);
}

/// `from` itself where it is stored as `Compute`, else a copy of it in `buffer`, which must have room for it.
template <class Compute, class T>
[[nodiscard]] inline const Compute* as_compute(const T* from, Compute* buffer, std::size_t count) {
    if constexpr (std::is_same_v<T, Compute>) {
        return from;
    } else {
        convert_run(from, buffer, count);
        return buffer;
    }
}

/// Elements per block.
inline constexpr std::size_t block_size = 256;

/// The values of one block.
template <class Compute>
struct Block {
    alignas(64) Compute values[block_size];

    template <class T>
    void load(const T* from, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) values[i] = rounded<Compute>(from[i]);
    }
    template <class T>
    void store(T* to, std::size_t count) const {
        for (std::size_t i = 0; i < count; ++i) to[i] = rounded<T>(values[i]);
    }

    /// Combines all values pairwise, halving the block until one is left; elements from `count` on count as `neutral`.
    template <class Combine>
    [[nodiscard]] Compute reduced(std::size_t count, Compute neutral, const Combine& combine) {
        for (std::size_t i = count; i < block_size; ++i) values[i] = neutral;
        for (std::size_t half = block_size / 2; half > 0; half /= 2) {
            for (std::size_t i = 0; i < half; ++i) values[i] = combine(values[i], values[i + half]);
        }
        return values[0];
    }
    [[nodiscard]] Compute sum(std::size_t count) {
        return reduced(count, Compute(0), [](Compute a, Compute b) { return a + b; });
    }
};

namespace detail {

template <class Compute, class F, class... In, std::size_t... Index>
inline void apply_block(Block<Compute>& out, std::size_t count, const F& f, std::index_sequence<Index...>,
                        const In*... in) {
    Block<Compute> loaded[sizeof...(In) == 0 ? 1 : sizeof...(In)];
    (loaded[Index].load(in, count), ...);
    for (std::size_t i = 0; i < count; ++i) out.values[i] = static_cast<Compute>(f(loaded[Index].values[i]...));
}

}  // namespace detail

/// out[i] = f(in[i]...) for i in [0, count), count ≤ block_size; f is called on Compute values.
template <class Compute, class F, class... In>
inline void apply(Block<Compute>& out, std::size_t count, const F& f, const In*... in) {
    detail::apply_block(out, count, f, std::index_sequence_for<In...>{}, in...);
}

/// out[i] = f(in[i]...) for i in [0, count); out may be one of the inputs, or overlap none of them.
template <class Compute, class Out, class F, class... In>
inline void map_run(Out* out, std::size_t count, const F& f, const In*... in) {
    Block<Compute> result;
    for (std::size_t first = 0; first < count; first += block_size) {
        const std::size_t length = std::min(block_size, count - first);
        apply(result, length, f, (in + first)...);
        result.store(out + first, length);
    }
}

/// The sum of f(in[i]...) over i in [0, count), pairwise within each block.
template <class Compute, class F, class... In>
[[nodiscard]] inline Compute sum_run(std::size_t count, const F& f, const In*... in) {
    Compute sum = 0;
    Block<Compute> terms;
    for (std::size_t first = 0; first < count; first += block_size) {
        const std::size_t length = std::min(block_size, count - first);
        apply(terms, length, f, (in + first)...);
        sum += terms.sum(length);
    }
    return sum;
}

}  // namespace lamina::cpu
