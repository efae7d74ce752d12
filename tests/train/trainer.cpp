// SPDX-License-Identifier: MIT
#include <lamina/train/trainer.hpp>

#include "support/catch.hpp"
#include "train/tiny_run.hpp"

#include <limits>

using namespace lamina_tests;
namespace train = lamina::train;

namespace {

void poison(TinyModel& model) { model.layers().token_table.values[0] = std::numeric_limits<double>::quiet_NaN(); }

}  // namespace

TEST_CASE("a trainer does what a loop written by hand does") {
    lamina::CpuBackend backend({.threads = 1});
    const TinyData one(4);
    const TinyData two(5);
    const train::CosineWithMinimum rate{.peak = 1e-2, .minimum = 1e-3, .warmup = 2, .steps = 6};

    TinyModel by_trainer(backend);
    by_trainer.initialise(3);
    train::Trainer<TinyModel> trainer(by_trainer, rate, {.accumulation = 2, .clip = 0.1});
    std::size_t calls = 0;
    const auto first = trainer.step([&] { return (calls++ % 2 == 0 ? one : two).batch(); });
    CHECK(first.rate == 0);
    CHECK(first.tokens == 32);
    for (int i = 1; i < 6; ++i) trainer.step([&] { return (calls++ % 2 == 0 ? one : two).batch(); });

    TinyModel by_hand(backend);
    by_hand.initialise(3);
    train::AdamW<TinyModel> optimiser(by_hand);
    for (std::size_t k = 0; k < 6; ++k) {
        by_hand.zero_gradients();
        by_hand.backward(one.batch(), {.share = 0.5});
        by_hand.backward(two.batch(), {.share = 0.5});
        optimiser.step(by_hand, rate(k), train::clip_scale(train::gradient_norm(by_hand), 0.1));
    }
    CHECK(trained_values(by_trainer) == trained_values(by_hand));
    CHECK(trainer.update() == 6);
}

TEST_CASE("a loss that is not finite stops the run in its step, by name") {
    lamina::CpuBackend backend({.threads = 1});
    const TinyData data(4);
    TinyModel model(backend);
    model.initialise(3);
    train::Trainer<TinyModel> trainer(model, train::ConstantRate{.peak = 1e-2});
    trainer.step([&] { return data.batch(); });
    const std::vector<double> before = trained_values(model);
    poison(model);
    CHECK_THROWS_WITH(trainer.step([&] { return data.batch(); }),
                      "lamina: loss is not finite in step 1; lower the learning rate or the clipping norm, or see "
                      "NonFinite::skip and ::roll_back");
    CHECK(trained_values(model) == before);
}

TEST_CASE("a skipped step leaves nothing behind") {
    lamina::CpuBackend backend({.threads = 1});
    const TinyData data(4);
    TinyModel model(backend);
    model.initialise(3);
    train::Trainer<TinyModel> trainer(model, train::ConstantRate{.peak = 1e-2}, {.non_finite = train::NonFinite::skip});
    trainer.step([&] { return data.batch(); });
    const std::vector<double> before = trained_values(model);
    const double average = model.layers().final_norm.state.average;
    const double whole = model.layers().token_table.values[0];
    poison(model);
    const auto report = trainer.step([&] { return data.batch(); });
    CHECK(report.outcome == train::Outcome::skipped);
    CHECK(report.problem == "loss is not finite in step 1");
    CHECK(trained_values(model) == before);
    CHECK(model.layers().final_norm.state.average == average);
    CHECK(trainer.optimiser().updates() == 1);
    model.layers().token_table.values[0] = whole;
    CHECK(trainer.step([&] { return data.batch(); }).outcome == train::Outcome::updated);
}

TEST_CASE("rolling back returns to the snapshot, and gives up when nothing helps") {
    lamina::CpuBackend backend({.threads = 1});
    const TinyData data(4);
    TinyModel model(backend);
    model.initialise(3);
    const std::vector<double> start = trained_values(model);
    train::Trainer<TinyModel> trainer(
        model, train::ConstantRate{.peak = 1e-2},
        {.non_finite = train::NonFinite::roll_back, .snapshot_every = 100, .most_recoveries = 2});
    for (int i = 0; i < 3; ++i) trainer.step([&] { return data.batch(); });
    poison(model);
    CHECK(trainer.step([&] { return data.batch(); }).outcome == train::Outcome::rolled_back);
    CHECK(trained_values(model) == start);
    trainer.step([&] { return data.batch(); });
    CHECK_THROWS_AS(trainer.step([&] { return data.batch(); }), lamina::NonFiniteError);
}
