// SPDX-License-Identifier: MIT
#include <lamina/train/removal.hpp>

#include "support/catch.hpp"
#include "train/tiny_run.hpp"

#include <limits>
#include <type_traits>

using namespace lamina_tests;
using lamina::train::RemovalKind;

namespace both {

// Programs use the two namespaces together.
using namespace lamina;
using namespace lamina::train;
static_assert(std::is_class_v<Removal> && std::is_enum_v<RemovalStage>);
static_assert(std::is_enum_v<Phase> && std::is_class_v<RemovalPhase>);

}  // namespace both

TEST_CASE("a removal switches the norms that its schedule names, and counts those left") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    model.initialise(3);
    const auto schedule = lamina::train::RemovalSchedule::progressive(
        {.start = 2, .gap_ln_2 = 1, .gap_ln_1_qk = 1, .gap_ln_1_v = 1, .end_of_text_after = 1}, tiny.layers);
    lamina::train::Removal removal(model, schedule, {});
    REQUIRE(removal.norms() == 5);
    CHECK(removal.norms_left() == 5);
    CHECK(removal.before_update(1).empty());
    REQUIRE(removal.before_update(2).size() == 1);
    CHECK(model.layers().blocks[0].get<1>().inner.norm.state.removed());
    CHECK(removal.norms_left() == 4);
    removal.apply({RemovalKind::ln_1_qk, 1, 0});
    CHECK(model.layers().blocks[1].get<0>().inner.norm.state.fixed);
    CHECK_FALSE(model.layers().blocks[1].get<0>().inner.norm.state.values_fixed);
    CHECK(removal.norms_left() == 4);
    removal.apply({RemovalKind::ln_1_v, 1, 0});
    CHECK(removal.norms_left() == 3);
    removal.apply({RemovalKind::ln_f, 0, 0});
    CHECK(model.layers().final_norm.state.removed());
}

TEST_CASE("a removal refuses a tracking that no norm can follow") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    const auto with = [&](const lamina::StdTracking& tracking) { lamina::train::Removal(model, {}, tracking); };
    CHECK_THROWS_WITH(with({.calls_of_ln_1 = 0}), "lamina: Removal: calls_of_ln_1 of 0: expected 1 to 3");
    CHECK_THROWS_WITH(with({.calls_of_ln_1 = 4}), "lamina: Removal: calls_of_ln_1 of 4: expected 1 to 3");
    CHECK_THROWS_WITH(with({.momentum = 1}), "lamina: Removal: momentum of 1.000000: expected at least 0 and below 1");
    CHECK_THROWS_AS(with({.momentum = -0.1}), lamina::ArgumentError);
    CHECK_THROWS_AS(with({.momentum = std::numeric_limits<double>::quiet_NaN()}), lamina::ArgumentError);
    CHECK_NOTHROW(with({.momentum = 0, .calls_of_ln_1 = 3}));
}

TEST_CASE("calibration starts every norm at the deviation of its own input") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    model.initialise(3);
    lamina::train::Removal removal(model, {}, {});
    removal.calibrate(model, TinyData(4).batch());
    for (const lamina::train::NormSite& site : removal.sites()) {
        INFO(site.name);
        CHECK(site.state->average > 0);
        CHECK(site.state->average < 1);
        CHECK(site.state->divisor == site.state->average);
        CHECK(site.state->tracking == lamina::StdTracking{});
    }
    removal.start_at(RemovalKind::ln_2, 1, 3.5, 9);
    CHECK(model.layers().blocks[1].get<1>().inner.norm.state.divisor == 3.5);
    CHECK_THROWS_AS(removal.start_at(RemovalKind::ln_2, 7, 1, 1), lamina::ArgumentError);
}

TEST_CASE("a calibration that fails leaves the tracking as it was") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    model.initialise(3);
    const lamina::StdTracking tracking{.momentum = 0.75};
    lamina::train::Removal removal(model, {}, tracking);
    TinyData foreign(4);
    foreign.inputs[3] = tiny.vocab;
    CHECK_THROWS_AS(removal.calibrate(model, foreign.batch()), lamina::ArgumentError);
    for (const lamina::train::NormSite& site : removal.sites()) CHECK(site.state->tracking == tracking);
}
