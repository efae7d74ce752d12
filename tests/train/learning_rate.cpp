// SPDX-License-Identifier: MIT
#include <cstddef>
#include <string>
#include <vector>

#include <lamina/train/learning_rate.hpp>

#include "support/catch.hpp"

using lamina::train::ConstantRate;
using lamina::train::CosineWithMinimum;
using lamina::train::LearningRate;
using lamina::train::LinearWithMinimum;

namespace {

struct SmallestSchedule {
    double operator()(std::size_t /*update*/) const { return 1e-3; }
};
struct MutableSchedule {
    double operator()(std::size_t /*update*/) { return 1e-3; }
};
struct WordySchedule {
    std::string operator()(std::size_t /*update*/) const { return "1e-3"; }
};
struct ScheduleOfNothing {
    double operator()() const { return 1e-3; }
};
static_assert(LearningRate<SmallestSchedule>);
static_assert(LearningRate<ConstantRate> && LearningRate<LinearWithMinimum> && LearningRate<CosineWithMinimum>);
static_assert(!LearningRate<MutableSchedule>, "a schedule is a value: asking changes nothing");
static_assert(!LearningRate<WordySchedule>);
static_assert(!LearningRate<ScheduleOfNothing>);

static_assert(ConstantRate{.peak = 3e-4}(0) == 3e-4);
static_assert(ConstantRate{.peak = 0.5, .warmup = 4}(0) == 0.0);
static_assert(ConstantRate{.peak = 0.5, .warmup = 4}(1) == 0.125);
static_assert(ConstantRate{.peak = 0.5, .warmup = 4}(4) == 0.5);
static_assert(ConstantRate{.peak = 0.5, .warmup = 4}(1'000'000) == 0.5);

constexpr LinearWithMinimum line{.peak = 1.0, .minimum = 0.5, .warmup = 4, .steps = 12};
static_assert(line(0) == 0.0 && line(2) == 0.5 && line(4) == 1.0);
static_assert(line(8) == 0.75 && line(12) == 0.5 && line(13) == 0.5);

struct Point {
    std::size_t update;
    double rate;
};
struct Curve {
    CosineWithMinimum schedule;
    std::vector<Point> points;
};

// Computed from the formula of transformers' cosine_with_min_lr.
const std::vector<Curve> curves{
    {{.peak = 6e-4, .minimum = 3e-4, .warmup = 20, .steps = 300},
     {{0, 0.0},
      {1, 2.9999999999999997e-05},
      {10, 0.0003},
      {19, 0.00057},
      {20, 0.0006},
      {160, 0.00045},
      {299, 0.0003000094414867949},
      {300, 0.0003}}},
    {{.peak = 3e-4, .minimum = 1.5e-4, .warmup = 20, .steps = 300},
     {{0, 0.0},
      {1, 1.4999999999999999e-05},
      {10, 0.00015},
      {19, 0.000285},
      {20, 0.0003},
      {160, 0.000225},
      {299, 0.00015000472074339744},
      {300, 0.00015}}},
    {{.peak = 1e-3, .minimum = 5e-4, .warmup = 30, .steps = 746},
     {{0, 0.0},
      {1, 3.3333333333333335e-05},
      {15, 0.0005},
      {29, 0.0009666666666666667},
      {30, 0.001},
      {388, 0.00075},
      {745, 0.0005000024064842134},
      {746, 0.0005}}},
    {{.peak = 5e-4, .minimum = 2.5e-4, .warmup = 50, .steps = 1904},
     {{0, 0.0},
      {1, 1e-05},
      {25, 0.00025},
      {49, 0.00049},
      {50, 0.0005},
      {977, 0.000375},
      {1903, 0.00025000017945691564},
      {1904, 0.00025}}},
    {{.peak = 3e-4, .minimum = 4e-5, .warmup = 15, .steps = 1200},
     {{0, 0.0},
      {1, 1.9999999999999998e-05},
      {7, 0.00014},
      {14, 0.00028},
      {15, 0.0003},
      {607, 0.0001701723235971995},
      {1199, 4.000045685264849e-05},
      {1200, 4e-05}}},
};

}  // namespace

TEST_CASE("the cosine schedule passes through the reference's points") {
    for (const Curve& curve : curves) {
        for (const Point& point : curve.points) {
            INFO("peak " << curve.schedule.peak << ", update " << point.update);
            // The reference scales by peak last and we by the span: eight roundings apart at most, of values <= peak.
            CHECK(curve.schedule(point.update) ==
                  Approx(point.rate).epsilon(0).margin(8 * 1.2e-16 * curve.schedule.peak));
        }
    }
}

TEST_CASE("the first update of a warm-up has learning rate exactly zero") {
    for (const Curve& curve : curves) CHECK(curve.schedule(0) == 0.0);
}

TEST_CASE("the cosine schedule without warm-up starts at its peak") {
    CHECK(CosineWithMinimum{.peak = 2.0, .minimum = 1.0, .steps = 10}(0) == 2.0);
}

TEST_CASE("the cosine schedule falls all the way and then stays at its minimum") {
    const CosineWithMinimum schedule{.peak = 6e-4, .minimum = 3e-4, .warmup = 20, .steps = 300};
    for (std::size_t update = 20; update < 300; ++update) CHECK(schedule(update + 1) < schedule(update));
    CHECK(schedule(301) == 3e-4);
    CHECK(schedule(900) == 3e-4);
}

TEST_CASE("a warm-up as long as the run has no decay to divide by") {
    const CosineWithMinimum cosine{.peak = 1.0, .minimum = 0.5, .warmup = 8, .steps = 8};
    CHECK(cosine(7) == 0.875);
    CHECK(cosine(8) == 0.5);
    const LinearWithMinimum straight{.peak = 1.0, .minimum = 0.5, .warmup = 8, .steps = 8};
    CHECK(straight(8) == 0.5);
}
