// SPDX-License-Identifier: MIT
// Loops over runs of stored scalars, made of blocks small enough for the first-level cache, so that compilers vectorise
// every conversion and every function inlined into them, whatever overlaps what.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

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
};

/// Combines many values into one, as many side by side as fill a few registers, which compilers may only do where the
/// order is spelled out.
template <class Compute, class Combine>
class Reduction {
public:
    /// Starting from `neutral`, which changes nothing that it is combined with.
    Reduction(Compute neutral, const Combine& combine) : combine_(combine) { std::fill_n(lanes_, width, neutral); }

    /// Combines with values[i] for i in [0, count).
    void add(const Compute* values, std::size_t count) {
        Compute lanes[width];  // a copy, for compilers to keep in registers
        std::copy_n(lanes_, width, lanes);
        std::size_t i = 0;
        for (; i + width <= count; i += width) {
            for (std::size_t lane = 0; lane < width; ++lane) lanes[lane] = combine_(lanes[lane], values[i + lane]);
        }
        std::copy_n(lanes, width, lanes_);
        for (std::size_t lane = 0; i + lane < count; ++lane) lanes_[lane] = combine_(lanes_[lane], values[i + lane]);
    }

    [[nodiscard]] Compute result() const {
        Compute pairs[width];
        std::copy_n(lanes_, width, pairs);
        for (std::size_t half = width / 2; half > 0; half /= 2) {
            for (std::size_t lane = 0; lane < half; ++lane) pairs[lane] = combine_(pairs[lane], pairs[lane + half]);
        }
        return pairs[0];
    }

private:
    static constexpr std::size_t width = 128 / sizeof(Compute);

    alignas(64) Compute lanes_[width];
    Combine combine_;
};

struct Add {
    template <class Compute>
    [[nodiscard]] Compute operator()(Compute a, Compute b) const {
        return a + b;
    }
};

/// The sum of the values that it is given.
template <class Compute>
struct Sum : Reduction<Compute, Add> {
    Sum() : Reduction<Compute, Add>(Compute(0), Add{}) {}
};

/// out[i] = f(in[i]...) for i in [0, count), count ≤ block_size; f is called on Compute values.
template <class Compute, class F, class... In>
inline void apply(Block<Compute>& out, std::size_t count, const F& f, const In*... in) {
    for (std::size_t i = 0; i < count; ++i) out.values[i] = static_cast<Compute>(f(rounded<Compute>(in[i])...));
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

/// The sum of f(in[i]...) over i in [0, count).
template <class Compute, class F, class... In>
[[nodiscard]] inline Compute sum_run(std::size_t count, const F& f, const In*... in) {
    Sum<Compute> sum;
    Block<Compute> terms;
    for (std::size_t first = 0; first < count; first += block_size) {
        const std::size_t length = std::min(block_size, count - first);
        apply(terms, length, f, (in + first)...);
        sum.add(terms.values, length);
    }
    return sum.result();
}

}  // namespace lamina::cpu
