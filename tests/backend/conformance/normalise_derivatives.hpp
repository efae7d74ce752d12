// SPDX-License-Identifier: MIT
// Conformance of normalisation: its backward operations are the derivatives of its forward operations.
#pragma once

#include <cmath>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/normalise_backward.hpp"
#include "backend/conformance/on_backend.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

inline constexpr double differentiated_epsilon = 1e-5;

struct Moments {
    Grid mean;
    Grid deviation;
};

template <Backend B>
[[nodiscard]] Moments run_row_moments(B& backend, const Grid& values, Centre centre) {
    OnBackend<double, B> x(backend, values);
    OnBackend<double, B> mean(backend, unset(1, values.rows));
    OnBackend<double, B> deviation(backend, unset(1, values.rows));
    backend.run(RowMoments<double>{.x = x.input(),
                                   .mean = mean.column(),
                                   .deviation = deviation.column(),
                                   .epsilon = differentiated_epsilon,
                                   .centre = centre});
    return {mean.read(), deviation.read()};
}

TEMPLATE_TEST_CASE("normalise_backward is the derivative of row_moments and normalise", "[conformance][normalise]",
                   LAMINA_BACKEND_UNDER_TEST) {
    TestType backend = UnderTest<TestType>::with_threads(1);
    for (const Centre centre : {Centre::yes, Centre::no}) {
        for (const Divisor statistics : {Divisor::live, Divisor::fixed}) {
            CAPTURE(int(centre), int(statistics));
            auto given = normalise_case<double, double, double>({3, 7}, centre, statistics, Write::overwrite);
            const Moments own = run_row_moments(backend, given.x, centre);
            given.mean = own.mean;
            if (statistics == Divisor::live) given.divisor = own.deviation;

            const Grid fixed_divisor = given.divisor;
            const auto weighted_output = [&](const Grid& values) {
                const Moments moments = run_row_moments(backend, values, centre);
                OnBackend<double, TestType> x(backend, values);
                OnBackend<double, TestType> y(backend, unset(values.rows, values.cols));
                OnBackend<double, TestType> mean(backend, moments.mean);
                OnBackend<double, TestType> divisor(backend,
                                                    statistics == Divisor::live ? moments.deviation : fixed_divisor);
                OnBackend<double, TestType> gain(backend, given.gain);
                backend.run(Normalise<double, double>{.x = x.input(),
                                                      .y = y.view(),
                                                      .mean = mean.column(),
                                                      .divisor = divisor.column(),
                                                      .gain = gain.input()});
                return dot(y.read(), given.d_y);
            };
            Expected d_x(central_differences(given.x, weighted_output));
            d_x.bound = Grid(3, 7, central_difference_bound);
            const Grids outputs = run_normalise_backward<double, double, double>(backend, given);
            CHECK(mismatch(outputs[0], d_x) == "");
        }
    }
}

TEMPLATE_TEST_CASE("deviation_penalty_backward is the derivative of the squared distance to the target",
                   "[conformance][normalise]", LAMINA_BACKEND_UNDER_TEST) {
    constexpr double target = 0.75;
    constexpr double scale = 0.3;
    TestType backend = UnderTest<TestType>::with_threads(1);
    const Grid values = random_grid<double>(3, 7, 75);
    const auto penalty = [&](const Grid& moved) {
        double sum = 0;
        for (const double deviation : run_row_moments(backend, moved, Centre::yes).deviation.values) {
            sum += scale * (deviation - target) * (deviation - target);
        }
        return sum;
    };
    Expected expected(central_differences(values, penalty));
    expected.bound = Grid(3, 7, central_difference_bound);

    const Moments own = run_row_moments(backend, values, Centre::yes);
    OnBackend<double, TestType> x(backend, values);
    OnBackend<double, TestType> mean(backend, own.mean);
    OnBackend<double, TestType> deviation(backend, own.deviation);
    OnBackend<double, TestType> d_x(backend, Grid(3, 7));
    backend.run(DeviationPenaltyBackward<double>{.x = x.input(),
                                                 .mean = mean.column(),
                                                 .deviation = deviation.column(),
                                                 .d_x = d_x.view(),
                                                 .target = target,
                                                 .scale = scale});
    CHECK(mismatch(d_x.read(), expected) == "");
}

}  // namespace lamina_tests::conformance
