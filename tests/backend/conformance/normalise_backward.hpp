// SPDX-License-Identifier: MIT
// Conformance of normalisation backward: normalise_backward and deviation_penalty_backward.
#pragma once

#include <array>
#include <cmath>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

/// Everything that normalise_backward reads, the outputs' first contents included. The statistics need not be the
/// rows' own: the formulas hold for any.
struct NormaliseCase {
    Grid x;
    Grid mean;
    Grid divisor;
    Grid gain;
    Grid d_y;
    Grid d_x;
    Grid d_gain;
    Grid d_bias;
    Centre centre = Centre::yes;
    Divisor statistics = Divisor::live;
    Write write = Write::overwrite;
    Grid base{};  ///< nothing unless it is as large as x
};

template <class T, class Weight, class Gradient, class Out = T>
[[nodiscard]] NormaliseCase normalise_case(Size size, Centre centre, Divisor statistics, Write write) {
    const auto [rows, cols] = size;
    return {.x = random_grid<T>(rows, cols, 61),
            .mean = random_grid<ComputeOf<T>>(1, rows, 62),
            .divisor = random_grid<ComputeOf<T>>(1, rows, 63, {0.25, 2}),
            .gain = random_grid<Weight>(1, cols, 64),
            .d_y = random_grid<Out>(rows, cols, 65),
            .d_x = write == Write::accumulate ? random_grid<T>(rows, cols, 66) : unset(rows, cols),
            .d_gain = random_grid<Gradient>(1, cols, 67),
            .d_bias = random_grid<Gradient>(1, cols, 68),
            .centre = centre,
            .statistics = statistics,
            .write = write};
}

template <class T>
[[nodiscard]] Expected reference_d_x(const NormaliseCase& given) {
    const Grid& x = given.x;
    Expected expected(x.rows, x.cols);
    const auto features = static_cast<double>(x.cols);
    for (std::size_t n = 0; n < x.rows; ++n) {
        const auto g = [&](std::size_t c) { return given.d_y(n, c) * given.gain(0, c); };
        const auto x_hat = [&](std::size_t c) { return (x(n, c) - given.mean(0, n)) / given.divisor(0, n); };
        Sum mean_g;
        Sum mean_g_x_hat;
        for (std::size_t c = 0; c < x.cols; ++c) {
            mean_g.add(g(c) / features);
            mean_g_x_hat.add(
                g(c) * x_hat(c) / features,
                std::abs(g(c)) * (std::abs(x(n, c)) + std::abs(given.mean(0, n))) / given.divisor(0, n) / features);
        }
        for (std::size_t c = 0; c < x.cols; ++c) {
            const double scale = 1 / given.divisor(0, n);
            Sum sum;
            if (given.write == Write::accumulate) sum.add(given.d_x(n, c));
            if (!given.base.values.empty()) sum.add(given.base(n, c));
            sum.add(g(c) * scale);
            if (given.centre == Centre::yes) sum.add(-mean_g.value * scale, mean_g.magnitude * scale);
            if (given.statistics == Divisor::live) {
                const double x_hat_magnitude = (std::abs(x(n, c)) + std::abs(given.mean(0, n))) * scale;
                sum.add(-x_hat(c) * mean_g_x_hat.value * scale, x_hat_magnitude * mean_g_x_hat.magnitude * scale);
            }
            sum.length += x.cols;  // the two means are sums themselves
            expect_sum<T>(expected, n, c, sum);
        }
    }
    return expected;
}

template <class Gradient>
[[nodiscard]] Expected reference_d_gain(const NormaliseCase& given) {
    Expected expected(1, given.x.cols);
    for (std::size_t c = 0; c < given.x.cols; ++c) {
        Sum sum;
        sum.add(given.d_gain(0, c));
        for (std::size_t n = 0; n < given.x.rows; ++n) {
            const double factor = given.d_y(n, c) / given.divisor(0, n);
            sum.add(given.x(n, c) * factor);
            sum.add(-given.mean(0, n) * factor);
        }
        expect_sum<Gradient>(expected, 0, c, sum);
    }
    return expected;
}

template <class Gradient>
[[nodiscard]] Expected reference_d_bias(const NormaliseCase& given) {
    Expected expected(1, given.x.cols);
    for (std::size_t c = 0; c < given.x.cols; ++c) {
        Sum sum;
        sum.add(given.d_bias(0, c));
        for (std::size_t n = 0; n < given.x.rows; ++n) sum.add(given.d_y(n, c));
        expect_sum<Gradient>(expected, 0, c, sum);
    }
    return expected;
}

/// Which outputs are passed; the others are absent.
struct Wanted {
    bool d_x = true;
    bool d_gain = true;
    bool d_bias = true;
    bool rounded = false;
};

/// d_x, d_gain and d_bias; those that are absent as they were before. And d_x rounded, if it is wanted.
template <class T, class Weight, class Gradient, class Out = T, Backend B>
[[nodiscard]] Grids run_normalise_backward(B& backend, const NormaliseCase& given, Wanted wanted = {}) {
    OnBackend<T, B> x(backend, given.x, Layout::slice);
    OnBackend<ComputeOf<T>, B> mean(backend, given.mean);
    OnBackend<ComputeOf<T>, B> divisor(backend, given.divisor);
    OnBackend<Weight, B> gain(backend, given.gain);
    OnBackend<Out, B> d_y(backend, given.d_y, Layout::slice);
    OnBackend<T, B> base(backend, given.base, Layout::slice);
    OnBackend<T, B> d_x(backend, given.d_x, Layout::slice);
    OnBackend<Gradient, B> d_gain(backend, given.d_gain);
    OnBackend<Gradient, B> d_bias(backend, given.d_bias);
    OnBackend<Out, B> rounded(backend, unset(given.x.rows, given.x.cols), Layout::slice);
    backend.run(NormaliseBackward<T, Weight, Gradient, Out>{
        .x = x.input(),
        .mean = mean.column(),
        .divisor = divisor.column(),
        .gain = gain.input(),
        .d_y = d_y.input(),
        .d_x = wanted.d_x ? d_x.view() : MatrixView<T>{},
        .d_gain = wanted.d_gain ? d_gain.view() : MatrixView<Gradient>{},
        .d_bias = wanted.d_bias ? d_bias.view() : MatrixView<Gradient>{},
        .centre = given.centre,
        .statistics = given.statistics,
        .write = given.write,
        .base = given.base.values.empty() ? MatrixView<const T>{} : base.input(),
        .rounded = wanted.rounded ? rounded.view() : MatrixView<Out>{}});
    Grids outputs{d_x.read(), d_gain.read(), d_bias.read()};
    if (wanted.rounded) outputs.push_back(rounded.read());
    return outputs;
}

template <Backend B, class T, class Weight, class Gradient, class Out = T>
void verify_normalise_backward(Size size, Wanted wanted) {
    for (const Centre centre : {Centre::yes, Centre::no}) {
        for (const Divisor statistics : {Divisor::live, Divisor::fixed}) {
            for (const Write write : {Write::overwrite, Write::accumulate}) {
                CAPTURE(size.rows, size.cols, int(centre), int(statistics), int(write));
                CAPTURE(wanted.d_x, wanted.d_gain, wanted.d_bias);
                const auto given = normalise_case<T, Weight, Gradient, Out>(size, centre, statistics, write);
                std::vector<Expected> expected;
                if (wanted.d_x) expected.push_back(reference_d_x<T>(given));
                expected.push_back(wanted.d_gain ? reference_d_gain<Gradient>(given) : Expected(given.d_gain));
                expected.push_back(wanted.d_bias ? reference_d_bias<Gradient>(given) : Expected(given.d_bias));
                const auto run = [&](B& backend) {
                    Grids outputs = run_normalise_backward<T, Weight, Gradient, Out>(backend, given, wanted);
                    if (!wanted.d_x) outputs.erase(outputs.begin());
                    return outputs;
                };
                // The weights' gradients are sums over rows; without them every row stands alone.
                const bool alone = !wanted.d_gain && !wanted.d_bias;
                verify<B>(alone ? Threads::irrelevant : Threads::may_matter, expected, run);
            }
        }
    }
}

template <Backend B, class T, class Weight, class Gradient>
void verify_normalise_backwards() {
    for (const Size size : sizes) {
        verify_normalise_backward<B, T, Weight, Gradient>(size, {});
        verify_normalise_backward<B, T, Weight, Gradient>(size, {.d_gain = false, .d_bias = false});
    }
    verify_normalise_backward<B, T, Weight, Gradient>({67, 33}, {.d_x = false});
    verify_normalise_backward<B, T, Weight, Gradient>({67, 33}, {.d_x = false, .d_bias = false});
    verify_normalise_backward<B, T, Weight, Gradient>({67, 33}, {.d_bias = false});
    verify_normalise_backward<B, T, Weight, Gradient>({67, 33}, {.d_gain = false});
}

TEMPLATE_TEST_CASE("normalise_backward gives the gradients that are wanted, for live and fixed divisors",
                   "[conformance][normalise]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_normalise_backwards<TestType, float, float, float>(); }
    SECTION("double") { verify_normalise_backwards<TestType, double, double, double>(); }
    SECTION("bf16") { verify_normalise_backwards<TestType, bf16, bf16, bf16>(); }
    SECTION("float activations, bf16 weights") { verify_normalise_backwards<TestType, float, bf16, float>(); }
    SECTION("float from bf16") {
        for (const Size size : sizes) verify_normalise_backward<TestType, float, bf16, float, bf16>(size, {});
    }
}

/// With a base in memory of its own, and with one that is d_x itself.
template <Backend B, class T, class Weight, class Gradient, class Out>
void verify_onto_a_base() {
    for (const Size size : sizes) {
        for (const Divisor statistics : {Divisor::live, Divisor::fixed}) {
            for (const Write write : {Write::overwrite, Write::accumulate}) {
                CAPTURE(size.rows, size.cols, int(statistics), int(write));
                auto given = normalise_case<T, Weight, Gradient, Out>(size, Centre::yes, statistics, write);
                given.base = random_grid<T>(size.rows, size.cols, 69);
                verify<B>(Threads::irrelevant, {reference_d_x<T>(given)}, [&](B& backend) {
                    const Wanted wanted{.d_gain = false, .d_bias = false};
                    return Grids{run_normalise_backward<T, Weight, Gradient, Out>(backend, given, wanted)[0]};
                });
            }
            auto given = normalise_case<T, Weight, Gradient, Out>(size, Centre::yes, statistics, Write::accumulate);
            verify<B>(Threads::irrelevant, {reference_d_x<T>(given)}, [&](B& backend) {
                OnBackend<T, B> x(backend, given.x);
                OnBackend<ComputeOf<T>, B> mean(backend, given.mean);
                OnBackend<ComputeOf<T>, B> divisor(backend, given.divisor);
                OnBackend<Weight, B> gain(backend, given.gain);
                OnBackend<Out, B> d_y(backend, given.d_y);
                OnBackend<T, B> d_x(backend, given.d_x);
                backend.run(NormaliseBackward<T, Weight, Gradient, Out>{.x = x.input(),
                                                                        .mean = mean.column(),
                                                                        .divisor = divisor.column(),
                                                                        .gain = gain.input(),
                                                                        .d_y = d_y.input(),
                                                                        .d_x = d_x.view(),
                                                                        .statistics = statistics,
                                                                        .base = d_x.input()});
                return Grids{d_x.read()};
            });
        }
    }
}

TEMPLATE_TEST_CASE("normalise_backward adds to a base, which may be the output", "[conformance][normalise]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_onto_a_base<TestType, float, float, float, float>(); }
    SECTION("double") { verify_onto_a_base<TestType, double, double, double, double>(); }
    SECTION("bf16") { verify_onto_a_base<TestType, bf16, bf16, bf16, bf16>(); }
    SECTION("float from bf16") { verify_onto_a_base<TestType, float, bf16, float, bf16>(); }
}

/// d_x, and the same as it was left in Out: bit for bit what converting it would give.
template <Backend B, class T, class Weight, class Gradient, class Out>
void verify_rounded() {
    for (const Size size : sizes) {
        for (const Divisor statistics : {Divisor::live, Divisor::fixed}) {
            for (const Write write : {Write::overwrite, Write::accumulate}) {
                CAPTURE(size.rows, size.cols, int(statistics), int(write));
                const auto given = normalise_case<T, Weight, Gradient, Out>(size, Centre::yes, statistics, write);
                auto&& backend = backend_for<B>(UnderTest<B>::thread_counts[0]);
                const Wanted wanted{.d_gain = false, .d_bias = false, .rounded = true};
                const Grids outputs = run_normalise_backward<T, Weight, Gradient, Out>(backend, given, wanted);
                CHECK(outputs[3].values == rounded_to<Out>(outputs[0]).values);
            }
        }
    }
}

TEMPLATE_TEST_CASE("normalise_backward leaves the gradient in the type of activations as well",
                   "[conformance][normalise]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_rounded<TestType, float, float, float, float>(); }
    SECTION("float from bf16") { verify_rounded<TestType, float, bf16, float, bf16>(); }
}

TEMPLATE_TEST_CASE("with a fixed divisor the gradient of the rows does not read the rows", "[conformance][normalise]",
                   LAMINA_BACKEND_UNDER_TEST) {
    for (const Write write : {Write::overwrite, Write::accumulate}) {
        auto given = normalise_case<float, float, float>({7, 17}, Centre::yes, Divisor::fixed, write);
        const Expected expected = reference_d_x<float>(given);
        given.x = unset(7, 17);
        verify<TestType>(Threads::irrelevant, {expected}, [&](TestType& backend) {
            const Wanted wanted{.d_gain = false, .d_bias = false};
            return Grids{run_normalise_backward<float, float, float>(backend, given, wanted)[0]};
        });
    }
}

template <Backend B, class T>
void verify_deviation_penalty() {
    for (const Size size : sizes) {
        CAPTURE(size.rows, size.cols);
        const Grid values = random_grid<T>(size.rows, size.cols, 71);
        const Grid means = random_grid<ComputeOf<T>>(1, size.rows, 72);
        const Grid deviations = random_grid<ComputeOf<T>>(1, size.rows, 73, {0.25, 2});
        const Grid before = random_grid<T>(size.rows, size.cols, 74);
        constexpr double target = 0.75;
        constexpr double scale = 0.3;
        Expected expected(size.rows, size.cols);
        for (std::size_t n = 0; n < size.rows; ++n) {
            const double s = deviations(0, n);
            const double factor = scale * 2 / (static_cast<double>(size.cols) * s);
            for (std::size_t c = 0; c < size.cols; ++c) {
                Sum sum;
                sum.add(before(n, c));
                sum.add(factor * (s - target) * (values(n, c) - means(0, n)),
                        factor * (s + target) * (std::abs(values(n, c)) + std::abs(means(0, n))));
                expect_sum<T>(expected, n, c, sum);
            }
        }
        verify<B>(Threads::irrelevant, {expected}, [&](B& backend) {
            OnBackend<T, B> x(backend, values, Layout::slice);
            OnBackend<ComputeOf<T>, B> mean(backend, means);
            OnBackend<ComputeOf<T>, B> deviation(backend, deviations);
            OnBackend<T, B> d_x(backend, before, Layout::slice);
            backend.run(DeviationPenaltyBackward<T>{.x = x.input(),
                                                    .mean = mean.column(),
                                                    .deviation = deviation.column(),
                                                    .d_x = d_x.view(),
                                                    .target = target,
                                                    .scale = scale});
            return Grids{d_x.read()};
        });
    }
}

TEMPLATE_TEST_CASE("deviation_penalty_backward adds to the gradient", "[conformance][normalise]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_deviation_penalty<TestType, float>(); }
    SECTION("double") { verify_deviation_penalty<TestType, double>(); }
    SECTION("bf16") { verify_deviation_penalty<TestType, bf16>(); }
}

}  // namespace lamina_tests::conformance
