// SPDX-License-Identifier: MIT
#include <lamina/removal/removal.hpp>

#include "support/catch.hpp"
#include "train/tiny_run.hpp"

#include <limits>
#include <string>

using namespace lamina_tests;
using lamina::RemovalKind;

TEST_CASE("a removal switches the norms that its schedule names, and counts those left") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    model.initialise(3);
    const auto schedule = lamina::RemovalSchedule::progressive(
        {.start = 2, .gap_ln_2 = 1, .gap_ln_1_qk = 1, .gap_ln_1_v = 1, .end_of_text_after = 1}, toy.layers);
    lamina::Removal removal(model, schedule, {});
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

TEST_CASE("a norm is in the block where it stands, whatever it is called") {
    using P = lamina::Policies<lamina::norm::Removable, lamina::precision::Fp64>;
    using LastNorm = lamina::Named<"h.1.ln_9", lamina::NormFor<P, toy.embed>>;
    using Model = lamina::Decoder<toy, P, lamina::Gpt2Block<toy, P>, LastNorm>;
    lamina::CpuBackend backend({.threads = 1});
    Model model(backend);
    lamina::Removal removal(model, {}, {});
    REQUIRE(removal.norms() == 2 * toy.layers + 1);
    const lamina::NormSite& last = removal.sites().back();
    CHECK(last.name == "h.1.ln_9");
    CHECK_FALSE(last.in_block);
    const lamina::NormSite& before = removal.sites()[2 * toy.layers - 1];
    CHECK((before.in_block && before.layer == toy.layers - 1));
    CHECK(before.name == "h." + std::to_string(toy.layers - 1) + ".ln_2");
    removal.apply({RemovalKind::ln_f, 0, 0});
    CHECK(model.layers().final_norm.state.removed());
    CHECK(removal.norms_left() == 2 * toy.layers);
}

TEST_CASE("a removal refuses a tracking that no norm can follow") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    const auto with = [&](const lamina::StdTracking& tracking) { lamina::Removal(model, {}, tracking); };
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
    lamina::Removal removal(model, {}, {});
    removal.calibrate(model, TinyData(4).batch());
    for (const lamina::NormSite& site : removal.sites()) {
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

TEST_CASE("training refuses norms that treat end-of-text tokens apart while nobody said which these are") {
    lamina::CpuBackend backend({.threads = 1});
    const lamina::StdTracking apart{.first_position = lamina::FirstPosition::apart};
    const TinyData data(4);
    TinyModel model(backend);
    model.initialise(3);
    lamina::Removal removal(model, {}, apart);
    const std::string refusal =
        "lamina: forward_backward: norms treat end-of-text tokens apart, and the model was never told which they are; "
        "call set_end_of_text, with -1 where there are none";
    CHECK_THROWS_WITH(model.forward_backward(data.batch()), refusal);
    // Nothing is half done: it trains as soon as it is told.
    CHECK_NOTHROW(model.evaluate(data.batch()));
    model.set_end_of_text(4);
    CHECK_NOTHROW(model.forward_backward(data.batch()));

    TinyModel without_any(backend);
    without_any.initialise(3);
    const lamina::Removal same(without_any, {}, apart);
    without_any.set_end_of_text(-1);
    CHECK_NOTHROW(without_any.forward_backward(data.batch()));

    TinyModel merged(backend);
    merged.initialise(3);
    lamina::Removal events(merged, {}, apart);
    for (std::size_t layer = 0; layer < toy.layers; ++layer) {
        CHECK_THROWS_AS(merged.forward_backward(data.batch()), lamina::ArgumentError);
        events.apply({RemovalKind::end_of_text, layer, 0});
    }
    CHECK_NOTHROW(merged.forward_backward(data.batch()));
}

TEST_CASE("a calibration that fails leaves the tracking as it was") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    model.initialise(3);
    const lamina::StdTracking tracking{.momentum = 0.75};
    lamina::Removal removal(model, {}, tracking);
    TinyData foreign(4);
    foreign.inputs[3] = toy.vocab;
    CHECK_THROWS_AS(removal.calibrate(model, foreign.batch()), lamina::ArgumentError);
    for (const lamina::NormSite& site : removal.sites()) CHECK(site.state->tracking == tracking);
}
