// SPDX-License-Identifier: MIT
// The CPU's normalisation of rows, its backward, and the penalty on their standard deviation.
#pragma once

#include <cmath>
#include <cstddef>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/reduction.hpp>
#include <lamina/core/expects.hpp>

namespace lamina::cpu {

namespace detail {

/// The mean over `count` features of a sum over them; 0 for no features.
template <class Compute>
[[nodiscard]] Compute mean_of(Compute sum, std::size_t count) {
    return count == 0 ? Compute(0) : sum / static_cast<Compute>(count);
}

/// Writes the moments that a RowMoments or NormaliseRows asks for, of one row.
template <class Request>
void moments_of_row(const Request& request, std::size_t n) {
    using Compute = std::remove_cvref_t<decltype(request.mean[n])>;
    const std::size_t width = request.x.cols;
    const auto* const row = request.x.row(n);
    Compute mean = 0;
    if (request.centre == Centre::yes) {
        const auto sum = sum_run<Compute>(
            width, [](Compute value) { return value; }, row);
        mean = mean_of(sum, width);
    }
    request.mean[n] = mean;
    if (request.deviation.empty()) return;
    // Squares of differences, in a second pass: a row with a large mean would cancel in the one-pass formula.
    const auto squares = sum_run<Compute>(
        width, [mean](Compute value) { return (value - mean) * (value - mean); }, row);
    request.deviation[n] = std::sqrt(mean_of(squares, width) + static_cast<Compute>(request.epsilon));
}

/// The result that a Normalise or NormaliseRows asks for, of one row.
template <class Request, class Compute>
void normalise_row(const Request& request, std::size_t n, Compute divisor) {
    const std::size_t width = request.x.cols;
    const Compute mean = request.mean[n];
    const auto* const in = request.x.row(n);
    auto* const out = request.y.row(n);
    if (request.bias.empty()) {
        const auto scaled = [=](Compute value, Compute g) { return (value - mean) / divisor * g; };
        map_run<Compute>(out, width, scaled, in, request.gain.data);
    } else {
        const auto affine = [=](Compute value, Compute g, Compute b) { return (value - mean) / divisor * g + b; };
        map_run<Compute>(out, width, affine, in, request.gain.data, request.bias.data);
    }
}

}  // namespace detail

template <class T>
void execute(Context& context, const RowMoments<T>& request) {
    context.for_each_row(request.x.rows, request.x.cols,
                         [&](std::size_t n, std::size_t) { detail::moments_of_row(request, n); });
}

template <class T, class Weight, class Out>
void execute(Context& context, const Normalise<T, Weight, Out>& request) {
    context.for_each_row(request.x.rows, request.x.cols,
                         [&](std::size_t n, std::size_t) { detail::normalise_row(request, n, request.divisor[n]); });
}

template <class T, class Weight, class Out>
void execute(Context& context, const NormaliseRows<T, Weight, Out>& request) {
    const std::size_t width = request.x.cols;
    const Rows<const ComputeOf<T>, 1> divisor = request.divisor.empty() ? request.deviation : request.divisor;
    context.for_each_row(request.x.rows, width, [&](std::size_t n, std::size_t) {
        detail::moments_of_row(request, n);
        detail::normalise_row(request, n, divisor[n]);
    });
}

namespace detail {

/// out = [out +] [base +] gradient(in...), element by element.
template <class Compute, class T, class F, class... In>
void write_run(T* out, const T* base, std::size_t width, Write write, const F& gradient, const In*... in) {
    const T* const before = out;
    const auto onto_one = [=](Compute start, auto... values) { return start + gradient(values...); };
    const auto onto_two = [=](Compute first, Compute second, auto... values) {
        return first + second + gradient(values...);
    };
    if (write == Write::accumulate && base != nullptr) {
        map_run<Compute>(out, width, onto_two, before, base, in...);
    } else if (write == Write::accumulate || base != nullptr) {
        map_run<Compute>(out, width, onto_one, base != nullptr ? base : before, in...);
    } else {
        map_run<Compute>(out, width, gradient, in...);
    }
}

/// d_x = [d_x +] [base +] (g - shift - x̂ · slope) / divisor for one row, with g = d_y · gain; slope is 0 for a fixed
/// divisor.
template <class T, class Weight, class Gradient, class Out>
void normalise_backward_row(const NormaliseBackward<T, Weight, Gradient, Out>& request, std::size_t n) {
    using Compute = ComputeOf<T>;
    const std::size_t width = request.x.cols;
    const Compute divisor = request.divisor[n];
    const Out* const d_y = request.d_y.row(n);
    T* const d_x = request.d_x.row(n);
    const T* const base = request.base.empty() ? nullptr : request.base.row(n);
    Compute shift = 0;
    if (request.centre == Centre::yes) {
        const auto sum = sum_run<Compute>(
            width, [](Compute d, Compute g) { return d * g; }, d_y, request.gain.data);
        shift = mean_of(sum, width);
    }
    if (request.statistics == Divisor::fixed) {
        const auto gradient = [=](Compute d, Compute g) { return (d * g - shift) / divisor; };
        write_run<Compute>(d_x, base, width, request.write, gradient, d_y, request.gain.data);
        return;
    }
    const Compute mean = request.mean[n];
    const T* const x = request.x.row(n);
    const auto term = [=](Compute d, Compute g, Compute value) { return d * g * ((value - mean) / divisor); };
    const Compute slope = mean_of(sum_run<Compute>(width, term, d_y, request.gain.data, x), width);
    const auto gradient = [=](Compute d, Compute g, Compute value) {
        return (d * g - shift - (value - mean) / divisor * slope) / divisor;
    };
    write_run<Compute>(d_x, base, width, request.write, gradient, d_y, request.gain.data, x);
}

}  // namespace detail

template <class T, class Weight, class Gradient, class Out>
void execute(Context& context, const NormaliseBackward<T, Weight, Gradient, Out>& request) {
    const auto& x = request.x;
    const auto& d_y = request.d_y;
    if (!request.d_x.empty()) {
        context.for_each_row(x.rows, x.cols, [&](std::size_t n, std::size_t) {
            detail::normalise_backward_row(request, n);
            if (request.rounded.empty()) return;
            const T* const d_x = request.d_x.row(n);
            map_run<ComputeOf<T>>(
                request.rounded.row(n), x.cols, [](ComputeOf<T> value) { return value; }, d_x);
        });
    }
    using Sum = ComputeOf<Gradient>;
    if (!request.d_gain.empty()) {
        detail::sum_over_rows(context, request.d_gain.data, x.rows, x.cols, Write::accumulate,
                              [&](Block<Sum>& terms, std::size_t n, std::size_t first, std::size_t count) {
                                  const auto mean = static_cast<Sum>(request.mean[n]);
                                  const auto divisor = static_cast<Sum>(request.divisor[n]);
                                  const auto term = [=](Sum d, Sum value) { return d * ((value - mean) / divisor); };
                                  apply(terms, count, term, d_y.row(n) + first, x.row(n) + first);
                              });
    }
    if (!request.d_bias.empty()) {
        detail::sum_over_rows(context, request.d_bias.data, x.rows, x.cols, Write::accumulate,
                              [&](Block<Sum>& terms, std::size_t n, std::size_t first, std::size_t count) {
                                  terms.load(d_y.row(n) + first, count);
                              });
    }
}

template <class T>
void execute(Context& context, const DeviationPenaltyBackward<T>& request) {
    using Compute = ComputeOf<T>;
    const auto& x = request.x;
    context.for_each_row(x.rows, x.cols, [&](std::size_t n, std::size_t) {
        const Compute mean = request.mean[n];
        const Compute deviation = request.deviation[n];
        const Compute factor = static_cast<Compute>(2 * request.scale) *
                               (deviation - static_cast<Compute>(request.target)) /
                               (static_cast<Compute>(x.cols) * deviation);
        T* const d_x = request.d_x.row(n);
        map_run<Compute>(
            d_x, x.cols, [=](Compute before, Compute value) { return before + factor * (value - mean); },
            static_cast<const T*>(d_x), x.row(n));
    });
}

template <class Compute>
void execute(Context& context, const DivisorRows<Compute>& request) {
    context.for_each_row(request.extent.tokens(), 1, [&](std::size_t n, std::size_t) {
        const bool ends = request.ids[n] == request.end_of_text_id;
        double divisor = ends ? request.end_of_text : request.ordinary;
        const std::size_t position = !request.positions.empty() ? request.positions[n] : n % request.extent.sequence;
        if (position == 0) divisor = ends ? request.first_end_of_text : request.first_position;
        request.divisor[n] = static_cast<Compute>(divisor);
    });
}

}  // namespace lamina::cpu
