// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/normalisation.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/tolerance.hpp"
#include "backend/cuda/kernels_under_test.hpp"
#include "support/catch.hpp"

using namespace lamina_tests;
using namespace lamina_tests::conformance;

namespace {

constexpr std::size_t rows = 5;
constexpr double epsilon = 1e-5;

/// Widths that are kept in the registers, and one that is not; each is read in packs and, as a slice, one by one.
constexpr std::array<std::size_t, 7> widths{0, 4, 768, 1024, 1280, 1600, 2048};

template <class T>
using Kept = OnBackend<T, EmulatedKernels>;

struct Forward {
    Expected mean;
    Expected deviation;
    Expected y;
};

/// With a divisor y divides by that, else by the deviation.
template <class T, class Out>
Forward reference_forward(const Grid& x, const Grid& gain, const Grid* bias, const Grid* divisor, Centre centre) {
    Forward result{Expected(1, rows), Expected(1, rows), Expected(rows, x.cols)};
    const auto features = static_cast<double>(x.cols == 0 ? 1 : x.cols);
    const double error = sum_error<T>(x.cols);
    for (std::size_t n = 0; n < rows; ++n) {
        Sum sum;
        for (std::size_t c = 0; c < x.cols; ++c) sum.add(x(n, c) / features);
        const double mean = centre == Centre::yes ? sum.value : 0;
        const double mean_error = centre == Centre::yes ? error * sum.magnitude : 0;
        double variance = 0;
        for (std::size_t c = 0; c < x.cols; ++c) variance += (x(n, c) - mean) * (x(n, c) - mean) / features;
        const double deviation = std::sqrt(variance + epsilon);
        result.mean.value(0, n) = mean;
        result.mean.bound(0, n) = mean_error;
        result.deviation.value(0, n) = deviation;
        result.deviation.bound(0, n) = error * deviation + mean_error * mean_error / deviation;
        const double by = divisor == nullptr ? deviation : (*divisor)(0, n);
        for (std::size_t c = 0; c < x.cols; ++c) {
            const double scaled = (x(n, c) - mean) / by * gain(0, c);
            const double shift = bias == nullptr ? 0 : (*bias)(0, c);
            result.y.value(n, c) = scaled + shift;
            result.y.bound(n, c) = rounded_once<Out>(
                scaled + shift, error * (std::abs(scaled) + std::abs(shift)) + mean_error / by * std::abs(gain(0, c)));
        }
    }
    return result;
}

template <class T, class Weight, class Out>
void check_forward(std::size_t width, Layout layout, Centre centre, bool with_bias, bool with_divisor) {
    CAPTURE(width, int(layout), int(centre), with_bias, with_divisor, sizeof(Out));
    const Grid x = random_grid<T>(rows, width, 111, {-1, 3});
    const Grid gain = random_grid<Weight>(1, width, 112);
    const Grid bias = random_grid<Weight>(1, width, 113);
    const Grid divisor = random_grid<ComputeOf<T>>(1, rows, 114, {0.5, 2});
    const Forward expected =
        reference_forward<T, Out>(x, gain, with_bias ? &bias : nullptr, with_divisor ? &divisor : nullptr, centre);
    verify<EmulatedKernels>(
        Threads::irrelevant, {expected.mean, expected.deviation, expected.y}, [&](EmulatedKernels& backend) {
            Kept<T> in(backend, x, layout);
            Kept<Weight> g(backend, gain), b(backend, bias);
            Kept<ComputeOf<T>> d(backend, divisor), mean(backend, unset(1, rows)), deviation(backend, unset(1, rows));
            Kept<Out> y(backend, unset(rows, width), layout);
            cuda::execute(backend.context(),
                          NormaliseRows<T, Weight, Out>{.x = in.input(),
                                                        .y = y.view(),
                                                        .mean = mean.column(),
                                                        .deviation = deviation.column(),
                                                        .divisor = with_divisor ? d.column() : Rows<ComputeOf<T>, 1>{},
                                                        .gain = g.input(),
                                                        .bias = with_bias ? b.input() : MatrixView<const Weight>{},
                                                        .epsilon = epsilon,
                                                        .centre = centre});
            return Grids{mean.read(), deviation.read(), y.read()};
        });
}

struct Backward {
    Centre centre;
    Divisor statistics;
    Write write;
    bool with_base;
};

template <class T, class Weight, class Out>
void check_backward(std::size_t width, Layout layout, const Backward& how) {
    CAPTURE(width, int(layout), int(how.centre), int(how.statistics), int(how.write), how.with_base, sizeof(Out));
    const bool live = how.statistics == Divisor::live;
    const Grid x = live ? random_grid<T>(rows, width, 121) : unset(rows, width);
    const Grid mean = random_grid<ComputeOf<T>>(1, rows, 122);
    const Grid divisor = random_grid<ComputeOf<T>>(1, rows, 123, {0.5, 2});
    const Grid gain = random_grid<Weight>(1, width, 124);
    const Grid d_y = random_grid<Out>(rows, width, 125);
    const Grid before = how.write == Write::accumulate ? random_grid<T>(rows, width, 126) : unset(rows, width);
    const Grid base = random_grid<T>(rows, width, 127);
    Expected d_x(rows, width);
    const auto features = static_cast<double>(width);
    for (std::size_t n = 0; n < rows; ++n) {
        const double inverse = 1 / divisor(0, n);
        const auto x_hat = [&](std::size_t c) { return live ? (x(n, c) - mean(0, n)) * inverse : 0; };
        Sum shift, slope;
        for (std::size_t c = 0; c < width; ++c) {
            const double g = d_y(n, c) * gain(0, c) / features;
            shift.add(g);
            slope.add(g * x_hat(c), std::abs(g) * 2 * inverse);
        }
        for (std::size_t c = 0; c < width; ++c) {
            Sum sum;
            if (how.write == Write::accumulate) sum.add(before(n, c));
            if (how.with_base) sum.add(base(n, c));
            sum.add(d_y(n, c) * gain(0, c) * inverse);
            if (how.centre == Centre::yes) sum.add(-shift.value * inverse, shift.magnitude * inverse);
            if (live) sum.add(-x_hat(c) * slope.value * inverse, 2 * inverse * slope.magnitude * inverse);
            sum.length += width;
            expect_sum<T>(d_x, n, c, sum);
        }
    }
    verify<EmulatedKernels>(Threads::irrelevant, {d_x}, [&](EmulatedKernels& backend) {
        Kept<T> in(backend, x, layout), out(backend, before, layout), more(backend, base, layout);
        Kept<ComputeOf<T>> m(backend, mean), d(backend, divisor);
        Kept<Weight> g(backend, gain);
        Kept<Out> d_out(backend, d_y, layout);
        cuda::execute(backend.context(), NormaliseBackward<T, Weight, float, Out>{
                                             .x = in.input(),
                                             .mean = m.column(),
                                             .divisor = d.column(),
                                             .gain = g.input(),
                                             .d_y = d_out.input(),
                                             .d_x = out.view(),
                                             .centre = how.centre,
                                             .statistics = how.statistics,
                                             .write = how.write,
                                             .base = how.with_base ? more.input() : MatrixView<const T>{}});
        return Grids{out.read()};
    });
}

}  // namespace

TEST_CASE("normalise_rows measures and divides, for every way to read a row", "[cuda][normalise]") {
    for (const std::size_t width : widths) {
        for (const Layout layout : {Layout::dense, Layout::slice}) {
            for (const Centre centre : {Centre::yes, Centre::no}) {
                check_forward<float, bf16, bf16>(width, layout, centre, true, true);
                check_forward<float, bf16, bf16>(width, layout, centre, false, false);
            }
            check_forward<float, float, float>(width, layout, Centre::yes, true, false);
            check_forward<double, double, double>(width, layout, Centre::yes, true, true);
            check_forward<bf16, bf16, bf16>(width, layout, Centre::yes, false, true);
        }
    }
}

TEST_CASE("normalise_rows with a divisor needs no place for deviations", "[cuda][normalise]") {
    EmulatedKernels backend(emulator::Order::forward);
    alignas(16) const float x[8] = {1, 2, 3, 4, -1, -1, -1, -1};
    alignas(16) const float gain[4] = {1, 1, 2, 2};
    alignas(16) float y[8];
    float mean[2];
    const float divisor[2] = {0.5, 4};
    const NormaliseRows<float, float> request{
        .x = {x, 2, 4}, .y = {y, 2, 4}, .mean = {mean, 2}, .divisor = {divisor, 2}, .gain = row_view(gain, 4)};
    cuda::execute(backend.context(), request);
    CHECK(mean[0] == 2.5F);
    CHECK(y[0] == -3);
    CHECK(y[3] == 6);
    CHECK(y[7] == 0);
}

TEST_CASE("normalise_backward adds to what was there and to a base, for every way to read a row", "[cuda][normalise]") {
    for (const std::size_t width : widths) {
        for (const Layout layout : {Layout::dense, Layout::slice}) {
            for (const Divisor statistics : {Divisor::live, Divisor::fixed}) {
                check_backward<float, bf16, bf16>(width, layout, {Centre::yes, statistics, Write::overwrite, true});
                check_backward<float, bf16, bf16>(width, layout, {Centre::no, statistics, Write::accumulate, true});
                check_backward<float, float, float>(width, layout, {Centre::yes, statistics, Write::accumulate, false});
                check_backward<double, double, double>(width, layout,
                                                       {Centre::no, statistics, Write::overwrite, false});
            }
        }
    }
}

TEST_CASE("the base may be what the gradient is written to", "[cuda][normalise]") {
    EmulatedKernels backend(emulator::Order::shuffled);
    const std::vector<float> gain(768, 1), divisor(3, 2);
    std::vector<bf16> d_y(3 * 768, bf16(1.0F));
    std::vector<float> d_x(3 * 768, 10);
    const MatrixView<float> out(d_x.data(), 3, 768);
    cuda::execute(backend.context(), NormaliseBackward<float, float, float, bf16>{.x = {d_x.data(), 3, 768},
                                                                                  .mean = {},
                                                                                  .divisor = {divisor.data(), 3},
                                                                                  .gain = row_view(gain.data(), 768),
                                                                                  .d_y = {d_y.data(), 3, 768},
                                                                                  .d_x = out,
                                                                                  .centre = Centre::no,
                                                                                  .statistics = Divisor::fixed,
                                                                                  .base = out});
    CHECK(d_x == std::vector<float>(3 * 768, 10.5F));
}

TEST_CASE("deviation_penalty_backward of packed rows is that of rows that are not", "[cuda][normalise]") {
    for (const std::size_t width : widths) {
        CAPTURE(width);
        const Grid x = random_grid<float>(rows, width, 131);
        const Grid mean = random_grid<float>(1, rows, 132);
        const Grid deviation = random_grid<float>(1, rows, 133, {0.25, 2});
        const Grid before = random_grid<float>(rows, width, 134);
        Expected expected(rows, width);
        for (std::size_t n = 0; n < rows; ++n) {
            const double s = deviation(0, n);
            const double factor = 0.3 * 2 / (static_cast<double>(width) * s);
            for (std::size_t c = 0; c < width; ++c) {
                Sum sum;
                sum.add(before(n, c));
                sum.add(factor * (s - 0.75) * (x(n, c) - mean(0, n)), factor * (s + 0.75) * 2);
                expect_sum<float>(expected, n, c, sum);
            }
        }
        for (const Layout layout : {Layout::dense, Layout::slice}) {
            verify<EmulatedKernels>(Threads::irrelevant, {expected}, [&](EmulatedKernels& backend) {
                Kept<float> in(backend, x, layout), out(backend, before, layout);
                Kept<float> m(backend, mean), d(backend, deviation);
                cuda::execute(backend.context(), DeviationPenaltyBackward<float>{.x = in.input(),
                                                                                 .mean = m.column(),
                                                                                 .deviation = d.column(),
                                                                                 .d_x = out.view(),
                                                                                 .target = 0.75,
                                                                                 .scale = 0.3});
                return Grids{out.read()};
            });
        }
    }
}
