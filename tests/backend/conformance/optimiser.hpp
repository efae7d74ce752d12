// SPDX-License-Identifier: MIT
// Conformance of adamw.
#pragma once

#include <cmath>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

struct AdamWSettings {
    double rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double decay = 0.1;
    double gradient_scale = 0.5;
    std::size_t update = 1;
};

struct AdamWState {
    Grid parameter;
    Grid gradient;
    Grid first_moment;
    Grid second_moment;
};

template <class Parameter, class Gradient, class Moment, Backend B>
[[nodiscard]] Grids run_adamw(B& backend, const AdamWState& state, const AdamWSettings& settings) {
    OnBackend<Parameter, B> parameter(backend, state.parameter);
    OnBackend<Gradient, B> gradient(backend, state.gradient);
    OnBackend<Moment, B> first_moment(backend, state.first_moment);
    OnBackend<Moment, B> second_moment(backend, state.second_moment);
    backend.run(AdamWUpdate<Parameter, Gradient, Moment>{.parameter = parameter.view(),
                                                         .gradient = gradient.input(),
                                                         .first_moment = first_moment.view(),
                                                         .second_moment = second_moment.view(),
                                                         .rate = settings.rate,
                                                         .beta1 = settings.beta1,
                                                         .beta2 = settings.beta2,
                                                         .epsilon = settings.epsilon,
                                                         .decay = settings.decay,
                                                         .gradient_scale = settings.gradient_scale,
                                                         .update = settings.update});
    return {parameter.read(), first_moment.read(), second_moment.read()};
}

/// The parameter and both moments after one update.
template <class Parameter, class Moment>
[[nodiscard]] std::vector<Expected> reference_adamw(const AdamWState& state, const AdamWSettings& with) {
    const std::size_t count = state.parameter.cols;
    std::vector<Expected> expected(3, Expected(1, count));
    const double first_correction = 1 - std::pow(with.beta1, static_cast<double>(with.update));
    const double second_correction = 1 - std::pow(with.beta2, static_cast<double>(with.update));
    const double error = sum_error<Parameter>(2) + sum_error<Moment>(2);
    for (std::size_t i = 0; i < count; ++i) {
        const double g = with.gradient_scale * state.gradient(0, i);
        Sum m;
        m.add(with.beta1 * state.first_moment(0, i));
        m.add((1 - with.beta1) * g);
        Sum v;
        v.add(with.beta2 * state.second_moment(0, i));
        v.add((1 - with.beta2) * g * g);
        expect_sum<Moment>(expected[1], 0, i, m);
        expect_sum<Moment>(expected[2], 0, i, v);

        const double root = std::sqrt(v.value / second_correction);
        const double step = with.rate * m.value / first_correction / (root + with.epsilon);
        const double step_magnitude = with.rate * m.magnitude / first_correction / (root + with.epsilon);
        // The moments may be read back as stored or used as computed: a roundoff of each.
        const double step_error = error * step_magnitude + roundoff<Moment> * (std::abs(step) + 0.5 * step_magnitude);
        const double kept = state.parameter(0, i) * (1 - with.rate * with.decay);
        expected[0].value(0, i) = kept - step;
        expected[0].bound(0, i) =
            rounded_once<Parameter>(kept - step, sum_error<Parameter>(2) * std::abs(kept) + step_error);
    }
    return expected;
}

template <class Parameter, class Gradient, class Moment>
[[nodiscard]] AdamWState random_state(std::size_t count) {
    AdamWState state{random_grid<Parameter>(1, count, 101), random_grid<Gradient>(1, count, 102, {-0.1, 0.1}),
                     random_grid<Moment>(1, count, 103, {-0.1, 0.1}), random_grid<Moment>(1, count, 104, {1e-6, 1e-2})};
    // A parameter that never saw a gradient: only epsilon keeps its step from being 0 / 0.
    for (std::size_t i = 0; i < count; i += 7) {
        state.gradient(0, i) = state.first_moment(0, i) = state.second_moment(0, i) = 0;
    }
    return state;
}

template <Backend B, class Parameter, class Gradient, class Moment>
void verify_adamw() {
    for (const std::size_t count : {0U, 1U, 7U, 8U, 15U, 16U, 17U, 1031U, 20011U}) {
        for (const AdamWSettings& settings :
             {AdamWSettings{}, AdamWSettings{.decay = 0, .update = 7},
              AdamWSettings{.rate = 0.25, .beta2 = 0.95, .epsilon = 1e-3, .gradient_scale = 1, .update = 100'000}}) {
            CAPTURE(count, settings.update);
            const auto state = random_state<Parameter, Gradient, Moment>(count);
            verify<B>(Threads::irrelevant, reference_adamw<Parameter, Moment>(state, settings),
                      [&](B& backend) { return run_adamw<Parameter, Gradient, Moment>(backend, state, settings); });
        }
    }
}

TEMPLATE_TEST_CASE("adamw makes one decoupled update of parameter and moments", "[conformance][optimiser]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_adamw<TestType, float, float, float>(); }
    SECTION("double") { verify_adamw<TestType, double, double, double>(); }
    SECTION("bf16") { verify_adamw<TestType, bf16, bf16, bf16>(); }
    SECTION("bf16 parameters, float gradients and moments") { verify_adamw<TestType, bf16, float, float>(); }
}

TEMPLATE_TEST_CASE("fifty updates of adamw agree with a naive loop in double", "[conformance][optimiser]",
                   LAMINA_BACKEND_UNDER_TEST) {
    constexpr std::size_t count = 17;
    TestType backend = UnderTest<TestType>::with_threads(2);
    AdamWState actual = random_state<double, double, double>(count);
    actual.first_moment = actual.second_moment = Grid(1, count);
    AdamWState reference = actual;
    for (std::size_t update = 1; update <= 50; ++update) {
        const AdamWSettings settings{.update = update};
        actual.gradient = reference.gradient =
            random_grid<double>(1, count, static_cast<std::uint32_t>(200 + update), {-0.1, 0.1});
        const Grids outputs = run_adamw<double, double, double>(backend, actual, settings);
        actual.parameter = outputs[0];
        actual.first_moment = outputs[1];
        actual.second_moment = outputs[2];
        const auto expected = reference_adamw<double, double>(reference, settings);
        reference.parameter = expected[0].value;
        reference.first_moment = expected[1].value;
        reference.second_moment = expected[2].value;
    }
    Expected parameters(reference.parameter);
    // Fifty steps, each within a few roundoffs of a parameter of size 1 that has moved by less than 0.05.
    parameters.bound = Grid(1, count, 50 * sum_error<double>(2));
    CHECK(mismatch(actual.parameter, parameters) == "");
}

}  // namespace lamina_tests::conformance
