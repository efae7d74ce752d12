// SPDX-License-Identifier: MIT
// Sums and maxima over the threads of a warp or a block, the same bits in every thread and every run.
#pragma once

#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/host_device.hpp>

namespace lamina::cuda {

struct Plus {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T a, T b) const {
        return a + b;
    }
};
/// Passes over NaN, on whichever side: every thread must come to the same, whatever it started from.
struct Larger {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T a, T b) const {
        return b > a || a != a ? b : a;
    }
};

/// `operation`, which must not care which of its arguments comes first, over the values of a warp; every thread of it
/// calls and gets the result.
template <class T, class Operation>
__device__ T warp_reduce(T value, const Operation& operation) {
    for (unsigned lanes = warp_size / 2; lanes > 0; lanes /= 2) value = operation(value, shuffle_xor(value, lanes));
    return value;
}

template <class T>
__device__ T warp_sum(T value) {
    return warp_reduce(value, Plus{});
}

namespace detail {

template <class T>
struct WarpResults {
    T values[warp_size];
};

}  // namespace detail

/// The same over a block, whose number of threads is a multiple of 32.
template <class T, class Operation>
__device__ T block_reduce(T value, T identity, const Operation& operation) {
    auto& of_warps = shared_object<detail::WarpResults<T>, Operation>();
    const unsigned lane = thread_index() % warp_size;
    value = warp_reduce(value, operation);
    if (lane == 0) of_warps.values[thread_index() / warp_size] = value;
    sync_threads();
    value = lane < thread_count() / warp_size ? of_warps.values[lane] : identity;
    value = warp_reduce(value, operation);
    sync_threads();  // so that the next call may write
    return value;
}

template <class T>
__device__ T block_sum(T value) {
    return block_reduce(value, T(0), Plus{});
}

}  // namespace lamina::cuda
