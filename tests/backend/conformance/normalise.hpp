// SPDX-License-Identifier: MIT
// Conformance of normalisation forward: row_moments, normalise, and both at once.
#pragma once

#include <array>
#include <cmath>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

struct MomentsReference {
    Expected mean;
    Expected deviation;
};

template <class T>
[[nodiscard]] MomentsReference reference_moments(const Grid& x, double epsilon, Centre centre) {
    MomentsReference reference{Expected(1, x.rows), Expected(1, x.rows)};
    const auto features = static_cast<double>(x.cols);
    for (std::size_t n = 0; n < x.rows; ++n) {
        Sum sum;
        for (std::size_t c = 0; c < x.cols; ++c) sum.add(x(n, c) / features);
        const double mean = centre == Centre::yes ? sum.value : 0;
        const double mean_error = centre == Centre::yes ? sum_error<T>(x.cols) * sum.magnitude : 0;
        Sum variance;
        for (std::size_t c = 0; c < x.cols; ++c) variance.add((x(n, c) - mean) * (x(n, c) - mean) / features);
        variance.add(epsilon);
        const double deviation = std::sqrt(variance.value);
        // Around a mean that is off by e the squares are larger by e² on average. Subtracting the square of the mean
        // from the mean of the squares would err by a roundoff of the squares, which is far more for a far mean.
        const double variance_error = sum_error<T>(x.cols) * variance.value + mean_error * mean_error;
        reference.mean.value(0, n) = mean;
        reference.mean.bound(0, n) = mean_error;
        reference.deviation.value(0, n) = deviation;
        reference.deviation.bound(0, n) = variance_error / deviation;  // half of it, and half for the root's rounding
    }
    return reference;
}

/// `sizes` without the one that has rows of no elements, whose mean does not exist.
inline constexpr std::array<Size, 10> row_sizes{
    {{0, 5}, {1, 1}, {3, 7}, {2, 8}, {5, 15}, {4, 16}, {7, 17}, {67, 130}, {1, 1031}, {131, 257}}};

template <Backend B, class T>
void verify_row_moments(Range range) {
    for (const Size size : row_sizes) {
        for (const Centre centre : {Centre::yes, Centre::no}) {
            CAPTURE(size.rows, size.cols, int(centre));
            const Grid x = random_grid<T>(size.rows, size.cols, 51, range);
            const MomentsReference reference = reference_moments<T>(x, 1e-5, centre);
            verify<B>(Threads::irrelevant, {reference.mean, reference.deviation}, [&](B& backend) {
                OnBackend<T, B> in(backend, x, Layout::slice);
                OnBackend<ComputeOf<T>, B> mean(backend, unset(1, size.rows));
                OnBackend<ComputeOf<T>, B> deviation(backend, unset(1, size.rows));
                backend.run(RowMoments<T>{.x = in.input(),
                                          .mean = mean.column(),
                                          .deviation = deviation.column(),
                                          .epsilon = 1e-5,
                                          .centre = centre});
                return Grids{mean.read(), deviation.read()};
            });
        }
    }
}

TEMPLATE_TEST_CASE("row_moments are the mean and the deviation of each row", "[conformance][normalise]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_row_moments<TestType, float>({-1, 1}); }
    SECTION("double") { verify_row_moments<TestType, double>({-1, 1}); }
    SECTION("bf16") { verify_row_moments<TestType, bf16>({-1, 1}); }
    SECTION("float, all far from zero") { verify_row_moments<TestType, float>({999, 1001}); }
    SECTION("float, all tiny") { verify_row_moments<TestType, float>({-1e-4, 1e-4}); }
}

TEMPLATE_TEST_CASE("row_moments without a place for deviations leave the same means", "[conformance][normalise]",
                   LAMINA_BACKEND_UNDER_TEST) {
    const Grid x = random_grid<float>(67, 130, 51);
    const MomentsReference reference = reference_moments<float>(x, 1e-5, Centre::yes);
    verify<TestType>(Threads::irrelevant, {reference.mean}, [&](TestType& backend) {
        OnBackend<float, TestType> in(backend, x);
        OnBackend<float, TestType> mean(backend, unset(1, x.rows));
        backend.run(RowMoments<float>{.x = in.input(), .mean = mean.column(), .deviation = {}, .epsilon = 1e-5});
        return Grids{mean.read()};
    });
}

template <Backend B, class T, class Weight, class Out = T>
void verify_normalise() {
    for (const Size size : sizes) {
        for (const bool with_bias : {true, false}) {
            CAPTURE(size.rows, size.cols, with_bias);
            const Grid values = random_grid<T>(size.rows, size.cols, 53);
            const Grid means = random_grid<ComputeOf<T>>(1, size.rows, 54);
            const Grid divisors = random_grid<ComputeOf<T>>(1, size.rows, 55, {0.25, 2});
            const Grid gains = random_grid<Weight>(1, size.cols, 56);
            const Grid biases = random_grid<Weight>(1, size.cols, 52);
            Expected y(size.rows, size.cols);
            for (std::size_t n = 0; n < size.rows; ++n) {
                for (std::size_t c = 0; c < size.cols; ++c) {
                    Sum sum;
                    const double factor = gains(0, c) / divisors(0, n);
                    sum.add(values(n, c) * factor);
                    sum.add(-means(0, n) * factor);
                    if (with_bias) sum.add(biases(0, c));
                    expect_sum<Out>(y, n, c, sum);
                }
            }
            verify<B>(Threads::irrelevant, {y}, [&](B& backend) {
                OnBackend<T, B> x(backend, values, Layout::slice);
                OnBackend<Out, B> out(backend, unset(size.rows, size.cols), Layout::slice);
                OnBackend<ComputeOf<T>, B> mean(backend, means);
                OnBackend<ComputeOf<T>, B> divisor(backend, divisors);
                OnBackend<Weight, B> gain(backend, gains);
                OnBackend<Weight, B> bias(backend, biases);
                backend.run(Normalise<T, Weight, Out>{.x = x.input(),
                                                      .y = out.view(),
                                                      .mean = mean.column(),
                                                      .divisor = divisor.column(),
                                                      .gain = gain.input(),
                                                      .bias = with_bias ? bias.input() : MatrixView<const Weight>{}});
                return Grids{out.read()};
            });
        }
    }
}

TEMPLATE_TEST_CASE("normalise scales and shifts each row, with and without a bias", "[conformance][normalise]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_normalise<TestType, float, float>(); }
    SECTION("double") { verify_normalise<TestType, double, double>(); }
    SECTION("bf16") { verify_normalise<TestType, bf16, bf16>(); }
    SECTION("float activations, bf16 weights") { verify_normalise<TestType, float, bf16>(); }
    SECTION("float to bf16") { verify_normalise<TestType, float, bf16, bf16>(); }
}

/// What normalise_rows is asked for, besides the means.
struct WantedRows {
    Centre centre = Centre::yes;
    bool deviation = true;  ///< measured and written
    bool divisor = false;   ///< given, instead of the deviation
    bool bias = true;
};

/// The result for one element, given the row's moments and how well they are known.
template <class Out>
void expect_normalised(Expected& y, std::size_t n, std::size_t c, const Grid& x, const Grid& affine,
                       const MomentsReference& moments, const Expected& divisor) {
    const double scale = affine(0, c) / divisor.value(0, n);
    const double distance = x(n, c) - moments.mean.value(0, n);
    Sum sum;
    sum.add(x(n, c) * scale);
    sum.add(-moments.mean.value(0, n) * scale);
    sum.add(affine(1, c));
    // To first order, an error e of the mean is one of e · scale, and a relative error of the divisor one of the result.
    const double from_mean = moments.mean.bound(0, n) * std::abs(scale);
    const double from_divisor = std::abs(distance * scale) * divisor.bound(0, n) / divisor.value(0, n);
    y.value(n, c) = sum.value;
    y.bound(n, c) = rounded_once<Out>(sum.value, sum_error<Out>(sum.length) * sum.magnitude + from_mean + from_divisor);
}

template <Backend B, class T, class Weight, class Out>
void verify_normalise_rows(WantedRows wanted) {
    using Compute = ComputeOf<T>;
    for (const Size size : row_sizes) {
        CAPTURE(size.rows, size.cols, int(wanted.centre), wanted.deviation, wanted.divisor, wanted.bias);
        const Grid values = random_grid<T>(size.rows, size.cols, 57);
        const Grid divisors = random_grid<Compute>(1, size.rows, 55, {0.25, 2});
        const Grid gains = random_grid<Weight>(1, size.cols, 56);
        const Grid biases = random_grid<Weight>(1, size.cols, 52);
        const MomentsReference moments = reference_moments<T>(values, 1e-5, wanted.centre);
        const Expected divisor = wanted.divisor ? Expected(divisors) : moments.deviation;
        Grid affine(2, size.cols);
        for (std::size_t c = 0; c < size.cols; ++c) {
            affine(0, c) = gains(0, c);
            affine(1, c) = wanted.bias ? biases(0, c) : 0;
        }
        Expected y(size.rows, size.cols);
        for (std::size_t n = 0; n < size.rows; ++n) {
            for (std::size_t c = 0; c < size.cols; ++c) {
                expect_normalised<Out>(y, n, c, values, affine, moments, divisor);
            }
        }
        const Expected written = wanted.deviation ? moments.deviation : Expected(Grid(1, size.rows, 3));
        verify<B>(Threads::irrelevant, {y, moments.mean, written}, [&](B& backend) {
            OnBackend<T, B> x(backend, values, Layout::slice);
            OnBackend<Out, B> out(backend, unset(size.rows, size.cols), Layout::slice);
            OnBackend<Compute, B> mean(backend, unset(1, size.rows));
            OnBackend<Compute, B> deviation(backend, wanted.deviation ? unset(1, size.rows) : Grid(1, size.rows, 3));
            OnBackend<Compute, B> given(backend, divisors);
            OnBackend<Weight, B> gain(backend, gains);
            OnBackend<Weight, B> bias(backend, biases);
            backend.run(
                NormaliseRows<T, Weight, Out>{.x = x.input(),
                                              .y = out.view(),
                                              .mean = mean.column(),
                                              .deviation = wanted.deviation ? deviation.column() : Rows<Compute, 1>{},
                                              .divisor = wanted.divisor ? given.column() : Rows<Compute, 1>{},
                                              .gain = gain.input(),
                                              .bias = wanted.bias ? bias.input() : MatrixView<const Weight>{},
                                              .epsilon = 1e-5,
                                              .centre = wanted.centre});
            return Grids{out.read(), mean.read(), deviation.read()};
        });
    }
}

template <Backend B, class T, class Weight, class Out = T>
void verify_normalise_rows() {
    verify_normalise_rows<B, T, Weight, Out>({});
    verify_normalise_rows<B, T, Weight, Out>({.centre = Centre::no, .bias = false});
    verify_normalise_rows<B, T, Weight, Out>({.divisor = true});
    verify_normalise_rows<B, T, Weight, Out>({.deviation = false, .divisor = true});
}

TEMPLATE_TEST_CASE("normalise_rows measures each row and divides by its deviation, or by what it is given",
                   "[conformance][normalise]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_normalise_rows<TestType, float, float>(); }
    SECTION("double") { verify_normalise_rows<TestType, double, double>(); }
    SECTION("bf16") { verify_normalise_rows<TestType, bf16, bf16>(); }
    SECTION("float activations, bf16 weights") { verify_normalise_rows<TestType, float, bf16>(); }
    SECTION("float to bf16") { verify_normalise_rows<TestType, float, bf16, bf16>(); }
}

}  // namespace lamina_tests::conformance
