// SPDX-License-Identifier: MIT
// Normalisation of rows as requests: moments, results, gradients, and divisors that are constants.
#pragma once

#include <cstddef>

#include <lamina/backend/request/common.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/token.hpp>

namespace lamina {

/// Whether the mean over features is subtracted before scaling.
enum class Centre { no, yes };
/// Whether the divisor was measured on the rows themselves, so that the gradient flows through it, or is a constant.
enum class Divisor { live, fixed };

/// mean[n] = mean over c of x[n,c] (0 with Centre::no);
/// deviation[n] = sqrt(mean over c of (x[n,c] - mean[n])² + epsilon).
///
/// shapes   x [N, C] -> mean [N], deviation [N]
/// optional deviation
/// source   Ba et al. 2016, equation 4; Zhang & Sennrich 2019 for Centre::no (docs/gpt2.md, "LayerNorm";
///          docs/method.md, "Averages")
template <class T, std::size_t C = dynamic>
struct RowMoments {
    Rows<const T, C> x;
    Rows<ComputeOf<T>, 1> mean;
    Rows<ComputeOf<T>, 1> deviation;
    double epsilon;
    Centre centre = Centre::yes;

    [[nodiscard]] constexpr RowMoments<T> erased() const { return {x, mean, deviation, epsilon, centre}; }
    constexpr void check() const {
        LAMINA_EXPECTS(detail::one_per_row(mean, x.rows) && detail::absent_or_one_per_row(deviation, x.rows),
                       "RowMoments: mean and deviation need a number per row of x");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(x, mean, deviation); }
};

/// y[n,c] = (x[n,c] - mean[n]) / divisor[n] * gain[c] + bias[c].
///
/// shapes   x, y [N, C]; mean, divisor [N]; gain, bias [1, C]
/// optional bias
template <class T, class Weight, class Out = T, std::size_t C = dynamic>
struct Normalise {
    Rows<const T, C> x;
    Rows<Out, C> y;
    Rows<const ComputeOf<T>, 1> mean;
    Rows<const ComputeOf<T>, 1> divisor;
    Rows<const Weight, C> gain;
    Rows<const Weight, C> bias{};

    [[nodiscard]] constexpr Normalise<T, Weight, Out> erased() const { return {x, y, mean, divisor, gain, bias}; }
    constexpr void check() const {
        LAMINA_EXPECTS(detail::same_shape(x, y), "Normalise: input and output of different shapes");
        LAMINA_EXPECTS(detail::one_per_row(mean, x.rows) && detail::one_per_row(divisor, x.rows),
                       "Normalise: mean and divisor need a number per row of x");
        LAMINA_EXPECTS(detail::one_per_column(gain, x.cols) && detail::absent_or_one_per_column(bias, x.cols),
                       "Normalise: gain and bias need a number per column of x");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(x, y, mean, divisor, gain, bias); }
};

/// `RowMoments` and `Normalise` at once: mean and deviation are written, and y divides by `divisor` where it is given,
/// else by the deviation.
///
/// shapes   x, y [N, C]; mean, deviation, divisor [N]; gain, bias [1, C]
/// optional bias; divisor; deviation where divisor is given
template <class T, class Weight, class Out = T, std::size_t C = dynamic>
struct NormaliseRows {
    Rows<const T, C> x;
    Rows<Out, C> y;
    Rows<ComputeOf<T>, 1> mean;
    Rows<ComputeOf<T>, 1> deviation{};
    Rows<const ComputeOf<T>, 1> divisor{};
    Rows<const Weight, C> gain;
    Rows<const Weight, C> bias{};
    double epsilon = 0;
    Centre centre = Centre::yes;

    [[nodiscard]] constexpr NormaliseRows<T, Weight, Out> erased() const {
        return {x, y, mean, deviation, divisor, gain, bias, epsilon, centre};
    }
    constexpr void check() const {
        LAMINA_EXPECTS(detail::same_shape(x, y), "NormaliseRows: input and output of different shapes");
        LAMINA_EXPECTS(!deviation.empty() || !divisor.empty(),
                       "NormaliseRows: a deviation to be written or a divisor to be used");
        LAMINA_EXPECTS(detail::one_per_row(mean, x.rows) && detail::absent_or_one_per_row(deviation, x.rows) &&
                           detail::absent_or_one_per_row(divisor, x.rows),
                       "NormaliseRows: mean, deviation and divisor need a number per row of x");
        LAMINA_EXPECTS(detail::one_per_column(gain, x.cols) && detail::absent_or_one_per_column(bias, x.cols),
                       "NormaliseRows: gain and bias need a number per column of x");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const {
        return detail::bytes_of(x, y, mean, deviation, divisor, gain, bias);
    }
};

/// The backward of `Normalise`, with g = d_y · gain and x̂ = (x - mean) / divisor:
/// Divisor::live    d_x = (g - [mean(g)] - x̂ · mean(g · x̂)) / divisor
/// Divisor::fixed   d_x = (g - [mean(g)]) / divisor
/// where [mean(g)] is subtracted with Centre::yes only. With Divisor::fixed the elements of x, and mean, are read for
/// d_gain only.
///
/// shapes   x, d_y, d_x [N, C]; mean, divisor [N]; gain, d_gain, d_bias [1, C]
/// writes   d_x as `write` says, plus `base` where that is given, and as it is then, converted, to `rounded`; adds
///          Σ_n d_y · x̂ to d_gain and Σ_n d_y to d_bias
/// optional d_x, d_gain, d_bias, base [N, C]; rounded [N, C] beside d_x
/// aliasing base may be d_x, which with Write::overwrite is to accumulate
/// source   docs/gpt2.md, "Forward pass"
template <class T, class Weight, class Gradient, class Out = T, std::size_t C = dynamic>
struct NormaliseBackward {
    Rows<const T, C> x;
    Rows<const ComputeOf<T>, 1> mean;
    Rows<const ComputeOf<T>, 1> divisor;
    Rows<const Weight, C> gain;
    Rows<const Out, C> d_y;
    Rows<T, C> d_x;
    Rows<Gradient, C> d_gain{};
    Rows<Gradient, C> d_bias{};
    Centre centre = Centre::yes;
    Divisor statistics = Divisor::live;
    Write write = Write::overwrite;
    Rows<const T, C> base{};
    Rows<Out, C> rounded{};

    [[nodiscard]] constexpr NormaliseBackward<T, Weight, Gradient, Out> erased() const {
        return {x, mean, divisor, gain, d_y, d_x, d_gain, d_bias, centre, statistics, write, base, rounded};
    }
    constexpr void check() const {
        LAMINA_EXPECTS(detail::same_shape(x, d_y), "NormaliseBackward: input and gradient of different shapes");
        LAMINA_EXPECTS(detail::absent_or_shaped_like(d_x, x) && (d_x.empty() || detail::absent_or_shaped_like(base, x)),
                       "NormaliseBackward: the gradient of the input, or its base, of another shape than the input");
        LAMINA_EXPECTS(rounded.empty() || (!d_x.empty() && detail::same_shape(rounded, x)),
                       "NormaliseBackward: a rounded gradient without d_x, or of another shape");
        LAMINA_EXPECTS(detail::one_per_row(mean, x.rows) && detail::one_per_row(divisor, x.rows),
                       "NormaliseBackward: mean and divisor need a number per row of x");
        LAMINA_EXPECTS(detail::one_per_column(gain, x.cols) && detail::absent_or_one_per_column(d_gain, x.cols) &&
                           detail::absent_or_one_per_column(d_bias, x.cols),
                       "NormaliseBackward: gain, d_gain and d_bias need a number per column of x");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const {
        const bool reads_rows = statistics == Divisor::live || !d_gain.empty();
        return (reads_rows ? detail::bytes_of(x, mean) : 0.0) + detail::bytes_of(divisor, gain, d_y, base, rounded) +
               detail::bytes_written(d_x, write) + 2 * detail::bytes_of(d_gain, d_bias);
    }
};

/// divisor[n] = end_of_text where ids[n] is `end_of_text_id`, else ordinary; but where n is the first token of its
/// sequence first_end_of_text or first_position.
///
/// shapes   ids, divisor, positions [B·T]
/// optional positions: the place of each token in its sequence, n mod T without them
template <class Compute>
struct DivisorRows {
    Rows<const Token, 1> ids;
    Extent extent;
    Rows<Compute, 1> divisor;
    double ordinary;
    double first_position;
    double end_of_text;
    double first_end_of_text;
    Token end_of_text_id;
    Rows<const std::size_t, 1> positions{};

    [[nodiscard]] constexpr const DivisorRows& erased() const { return *this; }
    constexpr void check() const {
        LAMINA_EXPECTS(detail::one_per_row(ids, extent.tokens()) && detail::one_per_row(divisor, extent.tokens()) &&
                           detail::absent_or_one_per_row(positions, extent.tokens()),
                       "DivisorRows: ids, divisor and positions need a number per token");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(ids, divisor, positions); }
};

/// Which positions an average is taken over.
enum class Positions { all, after_first, first };

/// mean[0] = the mean of a [B·T] vector over the positions that are counted, 0 when none is; in double.
///
/// shapes   values [B·T]; mean [1]
template <class Compute>
struct TokenMean {
    Rows<const Compute, 1> values{};
    Positions positions = Positions::all;
    Rows<double, 1> mean{};
};

/// Some means over tokens at once, since each takes a device less time than to begin it: the first `count` of `means`.
template <class Compute>
struct MeansOverTokens {
    static constexpr std::size_t most = 64;  ///< what the arguments of a kernel have room for: 4096 bytes

    Extent extent;
    std::size_t count = 0;
    TokenMean<Compute> means[most]{};  // not std::array, which code on a device cannot index

    [[nodiscard]] constexpr bool full() const { return count == most; }
    /// Unless it is full.
    constexpr void add(const TokenMean<Compute>& mean) { means[count++] = mean; }

    [[nodiscard]] constexpr const MeansOverTokens& erased() const { return *this; }
    constexpr void check() const {
        LAMINA_EXPECTS(count <= most, "MeansOverTokens: more means than there is room for");
        for (std::size_t i = 0; i < count; ++i) {
            LAMINA_EXPECTS(detail::one_per_row(means[i].values, extent.tokens()),
                           "MeansOverTokens: values need a number per token");
            LAMINA_EXPECTS(means[i].mean.rows == 1, "MeansOverTokens: the mean is one number");
        }
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const {
        double sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += detail::bytes_of(means[i].values, means[i].mean);
        return sum;
    }
};

/// d_x[n,c] += scale · 2 (s[n] - target) · (x[n,c] - mean[n]) / (C · s[n]),
/// the gradient of scale · Σ_n (s[n] - target)², where s is RowMoments' deviation.
///
/// shapes   x, d_x [N, C]; mean, deviation [N]
/// source   docs/method.md, "Auxiliary loss"
template <class T, std::size_t C = dynamic>
struct DeviationPenaltyBackward {
    Rows<const T, C> x;
    Rows<const ComputeOf<T>, 1> mean;
    Rows<const ComputeOf<T>, 1> deviation;
    Rows<T, C> d_x;
    double target;
    double scale;

    [[nodiscard]] constexpr DeviationPenaltyBackward<T> erased() const {
        return {x, mean, deviation, d_x, target, scale};
    }
    constexpr void check() const {
        LAMINA_EXPECTS(detail::same_shape(x, d_x), "DeviationPenaltyBackward: input and gradient of different shapes");
        LAMINA_EXPECTS(detail::one_per_row(mean, x.rows) && detail::one_per_row(deviation, x.rows),
                       "DeviationPenaltyBackward: mean and deviation need a number per row of x");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const {
        return detail::bytes_of(x, mean, deviation) + 2 * detail::bytes_of(d_x);
    }
};

}  // namespace lamina
