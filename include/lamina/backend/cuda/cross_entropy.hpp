// SPDX-License-Identifier: MIT
// CUDA's cross-entropy of logits against target tokens, with its gradient: a block works on a row.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

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

constexpr unsigned loss_threads = 1024;

template <unsigned Width, class Compute, class Out>
__global__ void __launch_bounds__(loss_threads, sizeof(Compute) == sizeof(float) ? 2 : 1)
    cross_entropy_kernel(SoftmaxCrossEntropy<Compute, Out> job, MatrixView<Out> gradient) {
    const std::size_t vocabulary = job.logits.cols;
    const std::size_t step = std::size_t{loss_threads} * Width;
    for (std::size_t n = block_index().x; n < job.logits.rows; n += block_count().x) {
        const Compute* const logits = job.logits.row(n);
        const auto target = static_cast<std::size_t>(job.targets[n]);
        const Compute target_logit = logits[target];  // before it is overwritten
        const WholePacks packs = WholePacks::of(n * job.logits.stride, vocabulary, Width);
        // The columns before and after the packs, fewer than 2 · Width: one for some threads.
        const std::size_t rest =
            thread_index() < packs.first ? thread_index() : packs.last + (thread_index() - packs.first);

        ScaledSum<Compute> mine;
        for (std::size_t col = packs.first + thread_index() * Width; col < packs.last; col += step) {
            mine.add(load_pack<Width>(logits + col));
        }
        if (rest < vocabulary) mine.add(Pack<Compute, 1>{logits[rest]});
        const Compute shift = block_reduce(mine.shift, minus_infinity<Compute>, Larger{});
        const Compute sum = block_sum(mine.with_shift(shift));
        if (thread_index() == 0) job.losses[n] = std::log(sum) + (shift - target_logit);
        if (gradient.empty()) continue;

        const auto scale = static_cast<Compute>(job.scale);
        const Compute factor = scale / sum;
        const auto slope = [&](Compute logit, std::size_t col) {
            const Compute probable = factor * std::exp(logit - shift);
            return converted<Out>(col == target ? probable - scale : probable);
        };
        Out* const out = gradient.row(n);
        if (rest < vocabulary) out[rest] = slope(logits[rest], rest);
        // From the end, which was read last and is still in the cache.
        for (std::size_t end = thread_index() * Width; end < packs.last - packs.first; end += step) {
            const std::size_t col = packs.last - Width - end;
            const auto pack = load_pack<Width>(logits + col);
            Pack<Out, Width> result;
#pragma unroll
            for (unsigned k = 0; k < Width; ++k) result.values[k] = slope(pack.values[k], col + k);
            store_pack(out + col, result);
        }
        for (std::size_t col = vocabulary + thread_index(); col < gradient.cols; col += loss_threads) out[col] = Out(0);
    }
}

template <class Compute, class Out>
void cross_entropy(Context& context, const SoftmaxCrossEntropy<Compute, Out>& request, MatrixView<Out> gradient) {
    constexpr unsigned width = pack_width<Compute>;
    const auto rows = static_cast<unsigned>(std::min<std::size_t>(request.logits.rows, 1U << 20U));
    const LaunchShape shape{.blocks = rows, .threads = loss_threads};
    const bool aligned = starts_pack<width>(request.logits.data) && starts_pack<width>(gradient.data) &&
                         (gradient.empty() || gradient.stride % width == request.logits.stride % width);
    launch(context.stream(), "SoftmaxCrossEntropy", shape,
           aligned ? cross_entropy_kernel<width, Compute, Out> : cross_entropy_kernel<1, Compute, Out>, request,
           gradient);
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
