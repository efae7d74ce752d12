// SPDX-License-Identifier: MIT
#include <lamina/removal/std_tracking.hpp>

#include "support/catch.hpp"

using lamina::AverageOver;
using lamina::DivisorMode;
using lamina::EvaluationPasses;
using lamina::FirstPosition;
using lamina::StdTracking;

namespace {

template <StdTracking Tracking>
constexpr double momentum_of = Tracking.momentum;
static_assert(momentum_of<StdTracking{}> == 0.9, "structural, so usable as a template argument");

static_assert(StdTracking{}.mode == DivisorMode::freeze);
static_assert(StdTracking{}.calls_of_ln_1 == 1);
static_assert(StdTracking{}.evaluation == EvaluationPasses::ignored);
static_assert(StdTracking{}.first_position == FirstPosition::like_others);
static_assert(StdTracking{}.average_over == AverageOver::all_positions);
static_assert(StdTracking{} == StdTracking{} && StdTracking{} != StdTracking{.calls_of_ln_1 = 3});

static_assert(name(DivisorMode::constant) == "constant");
static_assert(name(DivisorMode::freeze) == "freeze");
static_assert(name(DivisorMode::track) == "track");

static_assert(StdTracking{}.kept_after(0) == 1.0);
static_assert(StdTracking{.momentum = 0.5}.kept_after(3) == 0.125);

}  // namespace

TEST_CASE("three calls with momentum 0.9 keep 0.729 of the old average") {
    // Two roundings after the one of 0.9 itself.
    CHECK(StdTracking{}.kept_after(3) == Approx(0.729).epsilon(4e-16));
}

TEST_CASE("one call with the kept weight leaves the average of several calls on the same input") {
    constexpr StdTracking tracking{.momentum = 0.75, .calls_of_ln_1 = 3};
    const double measured = 5.5;
    double by_calls = 2.0;
    for (std::size_t call = 0; call < tracking.calls_of_ln_1; ++call) {
        by_calls = tracking.momentum * by_calls + (1 - tracking.momentum) * measured;
    }
    const double kept = tracking.kept_after(tracking.calls_of_ln_1);
    CHECK(kept * 2.0 + (1 - kept) * measured == Approx(by_calls).epsilon(1e-15));
}
