// SPDX-License-Identifier: MIT
// CUDA's normalisation of rows, its backward, and the penalty on their standard deviation: a warp works on a row.
#pragma once

#include <cmath>
#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/block_reduce.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/grid.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/backend/cuda/reduction.hpp>
#include <lamina/backend/cuda/warp_row.hpp>

namespace lamina::cuda {

namespace detail {

// Kernels that keep rows are bound to one block per multiprocessor at least, not because that were enough, but because
// ptxas otherwise spills registers for the sake of an occupancy that they do not need.

/// What the forward kernel reads and writes; null pointers are what a request does not ask for.
template <class T, class Weight, class Out>
struct RowsForward {
    MatrixView<const T> x;
    MatrixView<Out> y;               ///< empty: moments only
    const ComputeOf<T>* given_mean;  ///< null: it is measured
    ComputeOf<T>* mean;
    ComputeOf<T>* deviation;
    const ComputeOf<T>* divisor;  ///< null: the deviation
    const Weight* gain;
    const Weight* bias;
    ComputeOf<T> epsilon;
    Centre centre;
};

template <class Shape, class T, class Weight, class Out>
__global__ void __launch_bounds__(row_threads, 1) normalise_kernel(RowsForward<T, Weight, Out> job) {
    using Compute = ComputeOf<T>;
    const std::size_t width = job.x.cols;
    const WarpRow<Shape, Compute> row(width);
    const auto count = static_cast<Compute>(width == 0 ? 1 : width);  // a mean of nothing is zero
    const bool measures = job.deviation != nullptr;
    const RowInMemory<Shape, Weight> gain{job.gain};
    const RowInMemory<Shape, Weight> bias{job.bias};
    for (std::size_t n = first_row(); n < job.x.rows; n += row_step()) {
        const KeptRow<Shape, T> x(job.x.row(n), width);
        Compute mean = 0;
        if (job.given_mean != nullptr) {
            mean = job.given_mean[n];
        } else if (job.centre == Centre::yes) {
            mean = row.sum([](Compute value) { return value; }, x) / count;
        }
        Compute deviation = 0;
        if (measures) {
            // Squares of differences, in a second pass: a row with a large mean would cancel in the one-pass formula.
            const Compute squares = row.sum([mean](Compute value) { return (value - mean) * (value - mean); }, x);
            deviation = std::sqrt(squares / count + job.epsilon);
        }
        if (lane_index() == 0) {
            if (job.mean != nullptr) job.mean[n] = mean;
            if (measures) job.deviation[n] = deviation;
        }
        if (job.y.empty()) continue;
        // Multiplying takes a tenth of the instructions of dividing, and errs by one more rounding.
        const Compute inverse = Compute(1) / (job.divisor != nullptr ? job.divisor[n] : deviation);
        row.write(
            job.y.row(n),
            [=](Compute value, Compute scale, Compute shift) { return (value - mean) * inverse * scale + shift; }, x,
            gain, bias);
    }
}

template <class T, class Weight, class Out>
void normalise_forward(Context& context, const char* what, const RowsForward<T, Weight, Out>& job) {
    const LaunchShape shape = shape_for_rows(context, job.x.rows);
    const bool packed = is_packed<row_pack_width>(job.x) && is_packed<row_pack_width>(job.y) &&
                        starts_pack<row_pack_width>(job.gain) && starts_pack<row_pack_width>(job.bias);
    with_row_shape(job.x.cols, packed, [&](auto row_shape) {
        launch(context.stream(), what, shape, normalise_kernel<decltype(row_shape), T, Weight, Out>, job);
    });
}

template <Divisor Statistics, class Shape, class T, class Weight, class Gradient, class Out>
__global__ void __launch_bounds__(row_threads, 1)
    normalise_backward_kernel(NormaliseBackward<T, Weight, Gradient, Out> job) {
    using Compute = ComputeOf<T>;
    constexpr bool live = Statistics == Divisor::live;
    const std::size_t width = job.x.cols;
    const WarpRow<Shape, Compute> row(width);
    const auto count = static_cast<Compute>(width == 0 ? 1 : width);  // a mean of nothing is zero
    const RowInMemory<Shape, Weight> gain{job.gain.data};
    for (std::size_t n = first_row(); n < job.x.rows; n += row_step()) {
        const KeptRow<Shape, Out> d_y(job.d_y.row(n), width);
        const auto x = [&] {
            if constexpr (live) {
                return KeptRow<Shape, T>(job.x.row(n), width);
            } else {
                return RowInMemory<Shape, T>{nullptr};
            }
        }();
        const Compute inverse = Compute(1) / job.divisor[n];
        const Compute mean = live ? job.mean[n] : Compute(0);
        Compute shift = 0;
        Compute slope = 0;
        if (live || job.centre == Centre::yes) {
            row.visit(
                [&](Compute d, Compute g, Compute value) {
                    shift += d * g;
                    if (live) slope += d * g * ((value - mean) * inverse);
                },
                d_y, gain, x);
            shift = job.centre == Centre::yes ? warp_sum(shift) / count : Compute(0);
            if (live) slope = warp_sum(slope) / count;
        }
        T* const d_x = job.d_x.row(n);
        const RowInMemory<Shape, T> before{job.write == Write::accumulate ? d_x : nullptr};
        const RowInMemory<Shape, T> base{job.base.empty() ? nullptr : job.base.row(n)};
        row.write(
            d_x, job.rounded.empty() ? nullptr : job.rounded.row(n),
            [=](Compute d, Compute g, Compute value, Compute first, Compute second) {
                Compute own = d * g - shift;
                if (live) own -= (value - mean) * inverse * slope;
                return first + second + own * inverse;
            },
            d_y, gain, x, before, base);
    }
}

template <Divisor Statistics, class T, class Weight, class Gradient, class Out>
void normalise_backward_rows(Context& context, const NormaliseBackward<T, Weight, Gradient, Out>& job) {
    const bool packed = is_packed<row_pack_width>(job.d_y) && is_packed<row_pack_width>(job.d_x) &&
                        is_packed<row_pack_width>(job.base) && is_packed<row_pack_width>(job.rounded) &&
                        starts_pack<row_pack_width>(job.gain.data) &&
                        (Statistics == Divisor::fixed || is_packed<row_pack_width>(job.x));
    const LaunchShape shape = shape_for_rows(context, job.x.rows);
    with_row_shape(job.x.cols, packed, [&](auto row_shape) {
        launch(context.stream(), "NormaliseBackward", shape,
               normalise_backward_kernel<Statistics, decltype(row_shape), T, Weight, Gradient, Out>, job);
    });
}

/// d_y · (x - mean) / divisor, which sums to the gain's gradient.
template <class Sum, class T, class Out>
struct GainTerm {
    MatrixView<const T> x;
    MatrixView<const Out> d_y;
    const ComputeOf<T>* mean;
    const ComputeOf<T>* divisor;
    LAMINA_HOST_DEVICE Sum operator()(std::size_t row, std::size_t col) const {
        return converted<Sum>(d_y(row, col)) *
               ((converted<Sum>(x(row, col)) - static_cast<Sum>(mean[row])) / static_cast<Sum>(divisor[row]));
    }
};

template <class Shape, class T>
__global__ void __launch_bounds__(row_threads, 1) deviation_penalty_kernel(DeviationPenaltyBackward<T> job) {
    using Compute = ComputeOf<T>;
    const auto count = static_cast<Compute>(job.x.cols);
    const WarpRow<Shape, Compute> row(job.x.cols);
    for (std::size_t n = first_row(); n < job.x.rows; n += row_step()) {
        const Compute mean = job.mean[n];
        const Compute deviation = job.deviation[n];
        const Compute factor =
            static_cast<Compute>(2 * job.scale) * (deviation - static_cast<Compute>(job.target)) / (count * deviation);
        T* const d_x = job.d_x.row(n);
        row.write(
            d_x, [=](Compute before, Compute value) { return before + factor * (value - mean); },
            RowInMemory<Shape, T>{d_x}, RowInMemory<Shape, T>{job.x.row(n)});
    }
}

template <class Compute>
__global__ void __launch_bounds__(element_threads) divisor_rows_kernel(DivisorRows<Compute> job) {
    for (std::size_t n = first_element(); n < job.extent.tokens(); n += element_step()) {
        const bool ends = job.ids[n] == job.end_of_text_id;
        double divisor = ends ? job.end_of_text : job.ordinary;
        const std::size_t position = !job.positions.empty() ? job.positions[n] : place_of(n, job.extent.sequence).piece;
        if (position == 0) divisor = ends ? job.first_end_of_text : job.first_position;
        job.divisor[n] = static_cast<Compute>(divisor);
    }
}

}  // namespace detail

template <class T>
void execute(Context& context, const RowMoments<T>& request) {
    detail::normalise_forward(context, "RowMoments",
                              detail::RowsForward<T, T, T>{.x = request.x,
                                                           .y = {},
                                                           .given_mean = nullptr,
                                                           .mean = request.mean.data,
                                                           .deviation = request.deviation.data,
                                                           .divisor = nullptr,
                                                           .gain = nullptr,
                                                           .bias = nullptr,
                                                           .epsilon = static_cast<ComputeOf<T>>(request.epsilon),
                                                           .centre = request.centre});
}

template <class T, class Weight, class Out>
void execute(Context& context, const Normalise<T, Weight, Out>& request) {
    detail::normalise_forward(context, "Normalise",
                              detail::RowsForward<T, Weight, Out>{.x = request.x,
                                                                  .y = request.y,
                                                                  .given_mean = request.mean.data,
                                                                  .mean = nullptr,
                                                                  .deviation = nullptr,
                                                                  .divisor = request.divisor.data,
                                                                  .gain = request.gain.data,
                                                                  .bias = request.bias.data,
                                                                  .epsilon = 0,
                                                                  .centre = Centre::yes});
}

template <class T, class Weight, class Out>
void execute(Context& context, const NormaliseRows<T, Weight, Out>& request) {
    detail::normalise_forward(context, "NormaliseRows",
                              detail::RowsForward<T, Weight, Out>{.x = request.x,
                                                                  .y = request.y,
                                                                  .given_mean = nullptr,
                                                                  .mean = request.mean.data,
                                                                  .deviation = request.deviation.data,
                                                                  .divisor = request.divisor.data,
                                                                  .gain = request.gain.data,
                                                                  .bias = request.bias.data,
                                                                  .epsilon = static_cast<ComputeOf<T>>(request.epsilon),
                                                                  .centre = request.centre});
}

template <class T, class Weight, class Gradient, class Out>
void execute(Context& context, const NormaliseBackward<T, Weight, Gradient, Out>& request) {
    const auto& x = request.x;
    const auto& d_y = request.d_y;
    // First, because d_x may take the place of d_y.
    using Sum = ComputeOf<Gradient>;
    if (!request.d_gain.empty()) {
        detail::sum_over_rows(context, "NormaliseBackward, d_gain", request.d_gain, x.rows, Write::accumulate,
                              detail::GainTerm<Sum, T, Out>{x, d_y, request.mean.data, request.divisor.data});
    }
    if (!request.d_bias.empty()) {
        detail::sum_over_rows(context, "NormaliseBackward, d_bias", request.d_bias, x.rows, Write::accumulate,
                              detail::TermOf<Sum, detail::Same, Out>{{}, d_y});
    }
    if (request.d_x.empty()) return;
    if (request.statistics == Divisor::live) {
        detail::normalise_backward_rows<Divisor::live>(context, request);
    } else {
        detail::normalise_backward_rows<Divisor::fixed>(context, request);
    }
}

template <class T>
void execute(Context& context, const DeviationPenaltyBackward<T>& request) {
    const LaunchShape shape = shape_for_rows(context, request.x.rows);
    const bool packed = is_packed<row_pack_width>(request.x) && is_packed<row_pack_width>(request.d_x);
    with_row_shape(request.x.cols, packed, [&](auto row_shape) {
        launch(context.stream(), "DeviationPenaltyBackward", shape,
               detail::deviation_penalty_kernel<decltype(row_shape), T>, request);
    });
}

template <class Compute>
void execute(Context& context, const DivisorRows<Compute>& request) {
    launch(context.stream(), "DivisorRows", shape_for_elements(context, request.extent.tokens()),
           detail::divisor_rows_kernel<Compute>, request);
}

}  // namespace lamina::cuda
