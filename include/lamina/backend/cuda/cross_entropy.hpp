// SPDX-License-Identifier: MIT
// CUDA's cross-entropy of logits against target tokens, with its gradient: a block works on a row.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

#include <cuda_runtime_api.h>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/block_reduce.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/indices.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/host_device.hpp>

namespace lamina::cuda {

template <class Compute>
inline constexpr Compute minus_infinity = -std::numeric_limits<Compute>::infinity();

/// The sum of exponentials of some numbers, scaled so that it neither overflows nor vanishes:
/// Σ exp(x) = sum · exp(shift). A NaN gets into the sum, not into the shift.
template <class Compute>
struct ScaledSum {
    Compute shift = minus_infinity<Compute>;  ///< the largest of them
    Compute sum = 0;

    template <unsigned Count>
    LAMINA_HOST_DEVICE void add(const Pack<Compute, Count>& numbers) {
        Compute largest = shift;
#pragma unroll
        for (unsigned k = 0; k < Count; ++k) largest = Larger{}(largest, numbers.values[k]);
        sum = with_shift(largest);
#pragma unroll
        for (unsigned k = 0; k < Count; ++k) sum += exp_of(numbers.values[k], largest);
        shift = largest;
    }
    /// The sum with respect to another shift, at least as large.
    [[nodiscard]] LAMINA_HOST_DEVICE Compute with_shift(Compute other) const { return sum * exp_of(shift, other); }

private:
    /// exp(x - shift), 0 for -inf whatever the shift. The GPU's own exponential: within 2 units in the last place.
    [[nodiscard]] LAMINA_HOST_DEVICE static Compute exp_of(Compute x, Compute shift) {
        return std::exp(x - (shift == minus_infinity<Compute> ? Compute(0) : shift));
    }
};

/// Columns [first, last) of a row that are whole packs, each aligned where the matrix starts at one. Rows of a matrix
/// whose stride is no multiple of the width start somewhere inside a pack.
struct WholePacks {
    std::size_t first;
    std::size_t last;

    /// Of the row that starts at element `start` and has `cols`.
    [[nodiscard]] LAMINA_HOST_DEVICE static constexpr WholePacks of(std::size_t start, std::size_t cols,
                                                                    unsigned width) {
        const std::size_t before = (width - start % width) % width;
        const std::size_t first = before < cols ? before : cols;
        return {first, first + (cols - first) / width * width};
    }
};

namespace detail {

// A multiprocessor works on two rows, so that one is read while the other is summed or written. Each thread begins four
// loads of 16 bytes before it uses the first: 64 KiB on a multiprocessor, with 64 registers for each thread.
constexpr unsigned loss_threads = 512;
constexpr unsigned loss_blocks = 2;
constexpr unsigned packs_at_once = 4;

/// What a thread takes of a row at once. Pack k of all threads is one piece of the row, and the next begins behind it.
template <unsigned Width, class T>
using LossPacks = Pack<T, packs_at_once * Width>;
template <unsigned Width>
constexpr unsigned columns_at_once = packs_at_once* Width* loss_threads;

/// Where pack `k` of this thread begins, in columns from the first that the threads take.
template <unsigned Width>
__device__ unsigned pack_place(unsigned k) {
    return (k * loss_threads + thread_index()) * Width;
}

/// Whether what is read will be read again: what is not gives way in the caches.
enum class Read { once, again };

/// The packs of this thread, -inf from column `count` on.
template <Read R, unsigned Width, class T>
__device__ LossPacks<Width, T> load_packs(const T* from, unsigned count) {
    LossPacks<Width, T> result;
#pragma unroll
    for (unsigned i = 0; i < packs_at_once * Width; ++i) result.values[i] = minus_infinity<T>;
#pragma unroll
    for (unsigned k = 0; k < packs_at_once; ++k) {
        const unsigned place = pack_place<Width>(k);
        if (place >= count) continue;
        const auto* const pack = reinterpret_cast<const Pack<T, Width>*>(from + place);
        store_pack(&result.values[k * Width], R == Read::once ? load_streaming(pack) : *pack);
    }
    return result;
}

/// The first `kept` columns of a row's packs stay in shared memory from the pass that sums to the one that writes: each
/// thread reads there what it wrote. The others are read again.
template <unsigned Width, class Compute, class Out>
__global__ void __launch_bounds__(loss_threads, sizeof(Compute) == sizeof(float) ? loss_blocks : 1)
    cross_entropy_kernel(SoftmaxCrossEntropy<Compute, Out> job, MatrixView<Out> gradient, unsigned kept) {
    constexpr unsigned step = columns_at_once<Width>;
    auto* const memory = reinterpret_cast<Compute*>(dynamic_shared());
    const auto vocabulary = static_cast<unsigned>(job.logits.cols);
    for (std::size_t n = block_index().x; n < job.logits.rows; n += block_count().x) {
        const auto target = static_cast<unsigned>(job.targets[n]);
        const Compute target_logit = job.logits(n, target);  // before it is overwritten
        const WholePacks packs = WholePacks::of(n * job.logits.stride, vocabulary, Width);
        const auto before = static_cast<unsigned>(packs.first);
        const unsigned count = static_cast<unsigned>(packs.last) - before;
        const Compute* const logits = job.logits.row(n) + before;  // [count], and then fewer than Width
        // The columns before and after the packs, fewer than 2 · Width: one for some threads.
        const unsigned rest = thread_index() < before ? thread_index() : count + thread_index();
        const Compute rest_logit = rest < vocabulary ? job.logits(n, rest) : minus_infinity<Compute>;

        ScaledSum<Compute> mine;
        mine.add(Pack<Compute, 1>{rest_logit});
        for (unsigned start = 0; start < count; start += step) {
            LossPacks<Width, Compute> read;
            if (start < kept) {
                read = load_packs<Read::once, Width>(logits + start, count - start);
#pragma unroll
                for (unsigned k = 0; k < packs_at_once; ++k) {
                    store_pack(memory + start + pack_place<Width>(k), load_pack<Width>(&read.values[k * Width]));
                }
            } else {
                read = load_packs<Read::again, Width>(logits + start, count - start);
            }
            mine.add(read);
        }
        const Compute shift = block_reduce(mine.shift, minus_infinity<Compute>, Larger{});
        const Compute sum = block_sum(mine.with_shift(shift));
        if (thread_index() == 0) job.losses[n] = std::log(sum) + (shift - target_logit);
        if (gradient.empty()) continue;

        const auto scale = static_cast<Compute>(job.scale);
        const Compute factor = scale / sum;
        const auto slope = [&](Compute logit, unsigned col) {
            const Compute probable = factor * std::exp(logit - shift);
            return col == target ? probable - scale : probable;
        };
        Out* const out = gradient.row(n);
        if (rest < vocabulary) out[rest] = converted<Out>(slope(rest_logit, rest));
#pragma unroll 1
        for (std::size_t col = vocabulary + thread_index(); col < gradient.cols; col += loss_threads) out[col] = Out(0);
        // From the end, which was read last and is still in the cache.
        for (unsigned left = pieces(count, step); left-- > 0;) {
            const unsigned start = left * step;
            const LossPacks<Width, Compute> read =
                start < kept
                    ? load_packs<Read::again, Width>(static_cast<const Compute*>(memory) + start, count - start)
                    : load_packs<Read::once, Width>(logits + start, count - start);
#pragma unroll
            for (unsigned k = 0; k < packs_at_once; ++k) {
                const unsigned place = start + pack_place<Width>(k);
                if (place >= count) continue;
                Pack<Compute, Width> result;
#pragma unroll
                for (unsigned i = 0; i < Width; ++i) {
                    result.values[i] = slope(read.values[k * Width + i], before + place + i);
                }
                store_streaming(reinterpret_cast<Pack<Out, Width>*>(out + before + place), converted_pack<Out>(result));
            }
        }
    }
}

/// Columns that a block keeps of a row of `cols`: as many as its part of a multiprocessor's shared memory has room for.
template <unsigned Width, class Compute>
[[nodiscard]] unsigned kept_columns(const cudaDeviceProp& device, std::size_t cols) {
    constexpr std::size_t at_once = columns_at_once<Width>;
    constexpr std::size_t for_sums = 2 * sizeof(WarpResults<Compute>);
    const std::size_t part = device.sharedMemPerMultiprocessor / loss_blocks;
    const std::size_t taken = device.reservedSharedMemPerBlock + for_sums;
    const std::size_t room = part > taken ? (part - taken) / (at_once * sizeof(Compute)) : 0;
    return static_cast<unsigned>(std::min<std::size_t>(room, pieces(cols, at_once)) * at_once);
}

template <class Compute, class Out>
void cross_entropy(Context& context, const SoftmaxCrossEntropy<Compute, Out>& request, MatrixView<Out> gradient) {
    const bool aligned =
        starts_pack<pack_width<Compute>>(request.logits.data) && starts_pack<pack_width<Compute>>(gradient.data) &&
        (gradient.empty() || gradient.stride % pack_width<Compute> == request.logits.stride % pack_width<Compute>);
    const auto launch_with = [&]<unsigned Width>(std::integral_constant<unsigned, Width>) {
        const unsigned kept =
            gradient.empty() ? 0 : kept_columns<Width, Compute>(context.properties(), request.logits.cols);
        const LaunchShape shape{.blocks = static_cast<unsigned>(std::min<std::size_t>(request.logits.rows, 1U << 20U)),
                                .threads = loss_threads,
                                .shared_bytes = kept * sizeof(Compute)};
        launch(context.stream(), "SoftmaxCrossEntropy", shape, cross_entropy_kernel<Width, Compute, Out>, request,
               gradient, kept);
    };
    if (aligned) {
        launch_with(std::integral_constant<unsigned, pack_width<Compute>>{});
    } else {
        launch_with(std::integral_constant<unsigned, 1>{});
    }
}

}  // namespace detail

template <class Compute, class Out>
void execute(Context& context, const SoftmaxCrossEntropy<Compute, Out>& request) {
    LAMINA_EXPECTS(all_below(context, request.targets, request.logits.cols),
                   "SoftmaxCrossEntropy: a target outside the vocabulary");
    const bool wanted = request.logits_after == Logits::become_gradient;
    if (!request.d_logits.empty()) {
        detail::cross_entropy(context, request, wanted ? request.d_logits : MatrixView<Out>{});
    } else {
        const SoftmaxCrossEntropy<Compute> in_place{.logits = request.logits,
                                                    .targets = request.targets,
                                                    .losses = request.losses,
                                                    .scale = request.scale,
                                                    .logits_after = request.logits_after,
                                                    .d_logits = {}};
        detail::cross_entropy(context, in_place, wanted ? request.logits : MatrixView<Compute>{});
    }
}

}  // namespace lamina::cuda
