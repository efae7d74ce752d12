// SPDX-License-Identifier: MIT
#include <lamina/removal/removable_norm.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <lamina/nn/policies.hpp>

#include "nn/run_layer.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

using P = Policies<precision::Fp64>;
using Frozen = Policies<precision::Fp64, trainable::Roles<Role::adapter>>;
using OnePath = RemovableNorm<4, P, 1, RemovalStage::in_progress>;
using TwoPaths = RemovableNorm<4, P, 2, RemovalStage::in_progress>;
using Complete = RemovableNorm<4, P, 2, RemovalStage::complete>;

static_assert(Layer<OnePath> && Layer<TwoPaths> && Layer<Complete>);
static_assert(OnePath::is_layer_norm && !Complete::is_layer_norm);
static_assert(Manifest<TwoPaths>::parameters == 8);
static_assert(saved_bytes<OnePath::Saved>(8) == 3 * 64 && saved_bytes<TwoPaths::Saved>(8) == 4 * 64);
static_assert(Complete{}.state.removed() && !TwoPaths{}.state.fixed && !TwoPaths{}.state.values_fixed);

const std::vector<double> two_rows{1, 2, 3, 6, 0, 0, 4, 4};

double deviation(double variance) { return std::sqrt(variance + norm_epsilon::Usual::value); }
const double mean_deviation = (deviation(3.5) + deviation(4)) / 2;

/// A norm whose only path is fixed, position 0 apart or not.
template <class Policies, bool Apart>
struct FixedPath : RemovableNorm<5, Policies, 1, RemovalStage::in_progress> {
    constexpr FixedPath() {
        this->state.tracking.mode = DivisorMode::constant;
        this->state.fixed = this->state.values_fixed = true;
        this->state.first_position_apart = Apart;
        this->state.start_at(0.7, 1.9);
    }
};

}  // namespace

TEST_CASE("a norm that is not removed yet is a layer norm", "[nn]") {
    LayerRun<OnePath> removable({1, 2});
    LayerRun<LayerNorm<4, P>> plain({1, 2});
    CHECK(removable.forward(two_rows) == plain.forward(two_rows));
    const std::vector<double> d_y{1, -1, 2, 0.5, 3, 0, 1, -2};
    CHECK(removable.backward(d_y) == plain.backward(d_y));
}

TEST_CASE("a removed norm divides by its constant, without epsilon", "[nn]") {
    LayerRun<OnePath> run({1, 2});
    run.layer.state.tracking.mode = DivisorMode::constant;
    run.layer.state.fixed = run.layer.state.values_fixed = true;
    run.layer.state.start_at(2, 2);
    run.layer.gain.values[1] = 10;
    run.layer.bias.values[1] = 1;
    CHECK(run.forward(two_rows) == std::vector<double>{-1, -4, 0, 1.5, -1, -9, 1, 1});
}

TEST_CASE("the average follows the mean deviation of training passes", "[nn]") {
    LayerRun<OnePath> run({1, 2});
    run.layer.state.start_at(10, 10);
    static_cast<void>(run.forward(two_rows));
    CHECK(run.layer.state.average == Approx(0.9 * 10 + 0.1 * mean_deviation).epsilon(1e-14));
    CHECK(run.layer.state.divisor == run.layer.state.average);
}

TEST_CASE("the average moves neither in recomputation nor in evaluation unless told so", "[nn]") {
    LayerRun<OnePath> run({1, 2});
    run.layer.state.start_at(10, 10);
    static_cast<void>(run.forward(two_rows, Phase::recompute));
    static_cast<void>(run.forward(two_rows, Phase::evaluate));
    CHECK(run.layer.state.average == 10);
    run.layer.state.tracking.evaluation = EvaluationPasses::averaged;
    static_cast<void>(run.forward(two_rows, Phase::recompute));
    CHECK(run.layer.state.average == 10);
    static_cast<void>(run.forward(two_rows, Phase::evaluate));
    CHECK(run.layer.state.average == Approx(0.9 * 10 + 0.1 * mean_deviation).epsilon(1e-14));
}

TEST_CASE("a removed norm whose divisor stays is not measured in training", "[nn]") {
    for (const DivisorMode mode : {DivisorMode::constant, DivisorMode::freeze, DivisorMode::track}) {
        LayerRun<OnePath> run({1, 2});
        run.layer.state.tracking.mode = mode;
        run.layer.state.fixed = run.layer.state.values_fixed = true;
        run.layer.state.start_at(10, 10);
        run.saved.deviation[0] = -1;
        static_cast<void>(run.forward(two_rows));
        const bool follows = mode == DivisorMode::track;
        CHECK((run.layer.state.average == 10) == !follows);
        CHECK((run.saved.deviation[0] == -1) == !follows);
        CHECK(run.layer.state.in_use.ordinary == run.layer.state.divisor);
        // Measuring where a norm shall start still works.
        run.layer.state.tracking.evaluation = EvaluationPasses::averaged;
        static_cast<void>(run.forward(two_rows, Phase::evaluate));
        CHECK(run.layer.state.average < 10);
    }
}

TEST_CASE("the average may leave out position 0, which has one of its own", "[nn]") {
    LayerRun<OnePath> run({1, 2});
    run.layer.state.tracking.average_over = AverageOver::all_but_first;
    run.layer.state.tracking.first_position = FirstPosition::apart;
    run.layer.state.start_at(10, 20);
    static_cast<void>(run.forward(two_rows));
    CHECK(run.layer.state.average == Approx(0.9 * 10 + 0.1 * deviation(4)).epsilon(1e-14));
    CHECK(run.layer.state.first_position_average == Approx(0.9 * 20 + 0.1 * deviation(3.5)).epsilon(1e-14));
}

TEST_CASE("values alone divide end-of-text tokens by the first position's divisor", "[nn]") {
    LayerRun<Complete> run({1, 3});
    run.end_of_text_id = 7;
    run.ids = {7, 7, 1};
    run.layer.state.tracking.mode = DivisorMode::constant;
    run.layer.state.first_position_apart = run.layer.state.end_of_text_apart = true;
    run.layer.state.start_at(2, 5);
    const auto queries = run.forward({1, -1, 0, 0, 1, -1, 0, 0, 1, -1, 0, 0});
    CHECK((queries[0] == 0.2 && queries[4] == 0.5 && queries[8] == 0.5));
    CHECK(run.layer.paths_differ());
    CHECK(run.saved.values_divisor[0] == 5);
    CHECK(run.saved.values_divisor[1] == 5);
    CHECK(run.saved.values_divisor[2] == 2);
}

TEST_CASE("values divide end-of-text tokens wherever they are by the average after the third call", "[nn]") {
    LayerRun<TwoPaths> run({1, 4});
    run.end_of_text_id = 7;
    run.ids = {7, 1, 7, 2};
    run.layer.state.tracking = {.mode = DivisorMode::track, .momentum = 0.5};
    run.layer.state.calls_per_batch = 3;
    run.layer.state.fixed = run.layer.state.values_fixed = true;
    run.layer.state.start_at(8, 8);
    // A deviation of 0 but for epsilon: 8 -> 4 for queries and keys, 2 for values, 1 for end-of-text tokens.
    static_cast<void>(run.forward(std::vector<double>(16, 3)));
    const std::vector<double> queries{4, 4, 4, 4};
    const std::vector<double> values{1, 2, 1, 2};
    for (std::size_t n = 0; n < 4; ++n) {
        CAPTURE(n);
        CHECK(run.saved.divisor[n] == Approx(queries[n]).epsilon(1e-2));
        CHECK(run.saved.values_divisor[n] == Approx(values[n]).epsilon(1e-2));
    }
}

TEST_CASE("the paths differ while one is fixed, or both are by different divisors", "[nn]") {
    TwoPaths norm;
    CHECK_FALSE(norm.paths_differ());
    norm.state.fixed = true;
    CHECK(norm.paths_differ());
    norm.state.values_fixed = true;
    CHECK_FALSE(norm.paths_differ());
    norm.state.values_in_use.end_of_text = 3;
    CHECK(norm.paths_differ());
    CHECK_FALSE(OnePath{}.paths_differ());
}

TEST_CASE("a pass that was announced divides by the same and leaves the same state", "[nn]") {
    for (const DivisorMode mode : {DivisorMode::constant, DivisorMode::freeze, DivisorMode::track}) {
        for (const std::size_t calls : {1, 3}) {
            for (unsigned flags = 0; flags < 8; ++flags) {
                LayerRun<TwoPaths> alone({1, 2});
                RemovableState& state = alone.layer.state;
                state.tracking.mode = mode;
                state.calls_per_batch = calls;
                state.fixed = (flags & 1U) != 0;
                state.values_fixed = (flags & 2U) != 0;
                state.first_position_apart = (flags & 4U) != 0;
                if (state.first_position_apart) state.tracking.first_position = FirstPosition::apart;
                state.start_at(10, 20);
                CAPTURE(int(mode), calls, flags);
                LayerRun<TwoPaths> announced({1, 2});
                announced.layer.state = state;
                std::vector<double> measured(2, -1);
                announced.measured = {measured.data(), measured.size()};

                for (const Phase phase : {Phase::train, Phase::evaluate, Phase::train}) {
                    const auto y = alone.forward(two_rows, phase);
                    ReplayKey key;
                    PassStart start{.phase = phase, .key = key};
                    announced.layer.begin_pass(start);
                    const double average = announced.layer.state.average;
                    CHECK(announced.forward(two_rows, phase) == y);
                    announced.take_means(phase);
                    // What the host does while the work is queued may not happen again.
                    CHECK((announced.layer.state.average == average || !key.repeatable()));
                    announced.layer.end_pass(measured);
                    if (state.fixed) CHECK(announced.saved.divisor[1] == alone.saved.divisor[1]);
                    if (state.values_fixed) {
                        CHECK(announced.saved.values_divisor[1] == alone.saved.values_divisor[1]);
                    }
                    const RemovableState& after = announced.layer.state;
                    CHECK((after.average == state.average && after.divisor == state.divisor));
                    CHECK(after.first_position_average == state.first_position_average);
                    CHECK((after.in_use == state.in_use && after.values_in_use == state.values_in_use));
                }
            }
        }
    }
}

TEMPLATE_TEST_CASE("the gradients of a removable norm are exact, measured or fixed", "[nn]",
                   (RemovableNorm<5, P, 1, RemovalStage::in_progress>),
                   (RemovableNorm<5, Frozen, 1, RemovalStage::in_progress>),
                   (RemovableNorm<5, P, 1, RemovalStage::complete>), (FixedPath<P, false>), (FixedPath<P, true>),
                   (FixedPath<Frozen, true>)) {
    const GradientReport report = check_gradient<TestType>();
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
}
