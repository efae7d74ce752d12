// SPDX-License-Identifier: MIT
#include <lamina/train/trainer.hpp>

#include "support/catch.hpp"
#include "train/tiny_run.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

using namespace lamina_tests;
namespace train = lamina::train;

namespace {

void poison(TinyModel& model) { model.layers().token_table.values[0] = std::numeric_limits<double>::quiet_NaN(); }

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Everything that a step may change, as numbers to compare bit for bit.
std::vector<double> state_of(train::Trainer<TinyModel>& trainer) {
    std::vector<double> all = trained_values(trainer.model());
    for (const auto& moments : {trainer.optimiser().first_moments(lamina::Role::adapter),
                                trainer.optimiser().second_moments(lamina::Role::adapter)}) {
        all.insert(all.end(), moments.data, moments.data + moments.size());
    }
    for (const lamina::NormSite& site : lamina::norm_sites(trainer.model())) {
        const lamina::RemovableState& state = *site.state;
        for (const double value : {state.average, state.first_position_average, state.divisor,
                                   state.first_position_divisor, state.fixed ? 1.0 : 0.0}) {
            all.push_back(value);
        }
    }
    all.push_back(static_cast<double>(trainer.optimiser().updates()));
    return all;
}

constexpr const char* damaged_gradient = "h.1.attn.c_proj.lora_B";

/// Breaks one gradient between the step's start and its update, which no finite loss shows.
void damage_gradient(TinyModel& model) {
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.name() == damaged_gradient) tensor.gradient.data[3] = nan;
    });
}

/// A run whose step 2 goes wrong: in a gradient, or by a learning rate that leaves no parameter finite.
enum class Trouble { in_gradient, in_parameter };
struct TroubledRun {
    lamina::CpuBackend backend{lamina::CpuOptions{.threads = 1}};
    TinyModel model{backend};
    TinyData data{4};
    Trouble trouble;
    train::Trainer<TinyModel> trainer;

    TroubledRun(Trouble kind, const train::TrainerOptions& options)
        : trouble(kind),
          trainer(
              model,
              [kind](std::size_t update) {
                  const bool breaks = kind == Trouble::in_parameter && update == 2;
                  return breaks ? std::numeric_limits<double>::infinity() : 1e-2;
              },
              options) {
        model.initialise(3);
    }

    train::StepReport step() {
        return trainer.step([this] {
            if (trouble == Trouble::in_gradient && trainer.update() == 2) damage_gradient(model);
            return data.batch();
        });
    }

    [[nodiscard]] std::string problem() const {
        const bool in_gradient = trouble == Trouble::in_gradient;
        return std::string(in_gradient ? "gradient of " : "parameter ") +
               (in_gradient ? damaged_gradient : "h.0.attn.c_attn.lora_A") + " is not finite in step 2";
    }
};

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
        by_hand.forward_backward(one.batch(), {.share = 0.5});
        by_hand.forward_backward(two.batch(), {.share = 0.5});
        optimiser.step(by_hand, rate(k), train::clip_scale(train::gradient_norm(by_hand), 0.1));
    }
    CHECK(trained_values(by_trainer) == trained_values(by_hand));
    CHECK(trainer.update() == 6);
}

TEST_CASE("a trainer refuses options that no step could follow") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    const auto with = [&](const train::TrainerOptions& options) {
        train::Trainer<TinyModel> trainer(model, train::ConstantRate{.peak = 1e-2}, options);
    };
    CHECK_THROWS_WITH(with({.accumulation = 0}), "lamina: Trainer: accumulation of 0: expected at least 1");
    CHECK_THROWS_WITH(with({.snapshot_every = 0}), "lamina: Trainer: snapshot_every of 0: expected at least 1");
    CHECK_THROWS_WITH(with({.clip = -0.5}), "lamina: Trainer: clip of -0.500000: expected 0 or more");
    CHECK_THROWS_AS(with({.clip = std::numeric_limits<double>::quiet_NaN()}), lamina::ArgumentError);
    CHECK_NOTHROW(with({.clip = 0}));
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
                      "lamina: loss, first seen in the logits, is not finite in step 1; lower the learning rate or "
                      "the clipping norm, or see "
                      "NonFinite::skip and ::roll_back");
    CHECK(trained_values(model) == before);
}

TEST_CASE("a loss that is not finite is traced to where the activations broke, in any micro-batch") {
    lamina::CpuBackend backend({.threads = 1});
    const TinyData data(4);
    TinyModel model(backend);
    model.initialise(3);
    train::Trainer<TinyModel> trainer(model, train::ConstantRate{.peak = 1e-2},
                                      {.accumulation = 3,
                                       .loss_mean = train::LossMean::of_means,  // asks for one at a time
                                       .non_finite = train::NonFinite::skip});
    const auto problem_with = [&](double& place) {
        const double whole = place;
        std::size_t calls = 0;
        // Only the second of three micro-batches sees the damage.
        const train::StepReport report = trainer.step([&] {
            place = ++calls == 2 ? std::numeric_limits<double>::infinity() : whole;
            return data.batch();
        });
        return report.problem;
    };
    auto& layers = model.layers();
    CHECK(problem_with(layers.position_table.values[5]) ==
          "loss, first seen in the embeddings, is not finite in step 0");
    CHECK(problem_with(layers.blocks[1].get<1>().inner.inner.c_proj.bias.values[2]) ==
          "loss, first seen in block h.1, is not finite in step 1");
    CHECK(problem_with(layers.final_norm.bias.values[3]) == "loss, first seen in the logits, is not finite in step 2");
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
    CHECK(report.problem == "loss, first seen in the logits, is not finite in step 1");
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

TEST_CASE("a gradient or parameter that is not finite stops the run in its step, by name") {
    for (const Trouble trouble : {Trouble::in_gradient, Trouble::in_parameter}) {
        TroubledRun run(trouble, {});
        run.step();
        run.step();
        const std::vector<double> values = trained_values(run.model);
        CHECK_THROWS_WITH(run.step(), "lamina: " + run.problem() +
                                          "; lower the learning rate or the clipping norm, or see NonFinite::skip "
                                          "and ::roll_back");
        // Only a parameter is found too late to keep the step from happening.
        CHECK((trained_values(run.model) == values) == (trouble == Trouble::in_gradient));
    }
}

TEST_CASE("skipping leaves parameters, moments and norm states bit-identical") {
    for (const Trouble trouble : {Trouble::in_gradient, Trouble::in_parameter}) {
        TroubledRun run(trouble, {.non_finite = train::NonFinite::skip});
        run.step();
        run.step();
        const std::vector<double> before = state_of(run.trainer);
        const train::StepReport report = run.step();
        CHECK(report.outcome == train::Outcome::skipped);
        CHECK(report.problem == run.problem());
        CHECK(state_of(run.trainer) == before);
        CHECK(run.trainer.update() == 3);
        CHECK(run.step().outcome == train::Outcome::updated);
        CHECK(state_of(run.trainer) != before);
    }
}

TEST_CASE("rolling back returns to the last snapshot, not to the step before") {
    for (const Trouble trouble : {Trouble::in_gradient, Trouble::in_parameter}) {
        TroubledRun run(trouble, {.non_finite = train::NonFinite::roll_back, .snapshot_every = 1000});
        const std::vector<double> start = state_of(run.trainer);
        run.step();
        run.step();
        const train::StepReport report = run.step();
        CHECK(report.outcome == train::Outcome::rolled_back);
        CHECK(report.problem == run.problem());
        CHECK(state_of(run.trainer) == start);
    }
}

TEST_CASE("a run that gives up leaves the last snapshot in the model, its switched norms switched") {
    TroubledRun run(Trouble::in_parameter,
                    {.non_finite = train::NonFinite::roll_back, .snapshot_every = 1000, .most_recoveries = 0});
    lamina::Removal removal(run.model, {.ln_2 = {1, 1}}, {});
    run.trainer.attach(removal);
    const std::vector<double> start = trained_values(run.model);
    run.step();
    run.step();
    CHECK_THROWS_AS(run.step(), lamina::NonFiniteError);
    CHECK(trained_values(run.model) == start);
    CHECK(removal.norms_left() == 3);
}

TEST_CASE("norms switched since the snapshot stay switched after rolling back") {
    TroubledRun run(Trouble::in_gradient, {.non_finite = train::NonFinite::roll_back, .snapshot_every = 1000});
    lamina::Removal removal(run.model, {.ln_2 = {1, 1}}, {});
    run.trainer.attach(removal);
    run.step();
    CHECK(removal.norms_left() == 5);
    run.step();
    CHECK(removal.norms_left() == 4);
    const train::StepReport report = run.step();
    CHECK(report.outcome == train::Outcome::rolled_back);
    CHECK(removal.norms_left() == 3);
}

TEST_CASE("what is attached takes part in every step, and is told when states were put back") {
    struct Listener {
        std::vector<std::size_t> before;
        std::vector<std::size_t> restored;
        void before_update(std::size_t update) { before.push_back(update); }
        void after_restore(std::size_t update) { restored.push_back(update); }
    };
    TroubledRun run(Trouble::in_gradient, {.non_finite = train::NonFinite::roll_back, .snapshot_every = 1000});
    Listener first;
    Listener second;
    run.trainer.attach(first);
    run.trainer.attach(second);
    for (int step = 0; step < 3; ++step) run.step();
    CHECK(first.before == std::vector<std::size_t>{0, 1, 2});
    CHECK(first.restored == std::vector<std::size_t>{2});
    CHECK((second.before == first.before && second.restored == first.restored));
}

TEST_CASE("a run rolls back to its last checkpoint as a run resumed from it does") {
    const train::TrainerOptions options{.non_finite = train::NonFinite::roll_back, .snapshot_every = 1000};
    TroubledRun whole(Trouble::in_gradient, options);
    TroubledRun resumed(Trouble::in_gradient, options);
    train::Snapshot<TinyModel> saved;
    whole.step();
    saved.take(whole.model, whole.trainer.optimiser());
    whole.trainer.checkpoint_saved();
    resumed.step();
    resumed.step();
    saved.restore(resumed.model, resumed.trainer.optimiser());
    resumed.trainer.resume_at(1, whole.trainer.recoveries());
    for (int i = 0; i < 3; ++i) {
        const train::StepReport report = whole.step();
        CHECK(resumed.step().outcome == report.outcome);
        CHECK(report.outcome == (i == 1 ? train::Outcome::rolled_back : train::Outcome::updated));
        CHECK(state_of(whole.trainer) == state_of(resumed.trainer));
    }
}

TEST_CASE("a resumed run counts the recoveries before it") {
    TroubledRun run(Trouble::in_gradient, {.non_finite = train::NonFinite::skip, .most_recoveries = 3});
    run.step();
    run.step();
    run.step();
    CHECK(run.trainer.recoveries() == 1);
    run.trainer.resume_at(2, 3);
    CHECK_THROWS_AS(run.step(), lamina::NonFiniteError);
}

TEST_CASE("two micro-batches make the step of one batch twice as large") {
    lamina::CpuBackend backend({.threads = 1});
    const TinyData one(4);
    const TinyData two(5);
    TinyData both(4);
    both.inputs.insert(both.inputs.end(), two.inputs.begin(), two.inputs.end());
    both.targets.insert(both.targets.end(), two.targets.begin(), two.targets.end());

    TinyModel in_parts(backend);
    in_parts.initialise(3);
    train::Trainer<TinyModel> parts(in_parts, train::ConstantRate{.peak = 1e-2}, {.accumulation = 2});
    TinyModel at_once(backend);
    at_once.initialise(3);
    train::Trainer<TinyModel> whole(at_once, train::ConstantRate{.peak = 1e-2});
    for (int i = 0; i < 3; ++i) {
        std::size_t calls = 0;
        const train::StepReport a = parts.step([&] { return (calls++ == 0 ? one : two).batch(); });
        const train::StepReport b = whole.step([&] { return lamina::TokenBatch(both.inputs, both.targets, 8); });
        CHECK(a.loss == Approx(b.loss).epsilon(1e-12));
        CHECK(a.gradient_norm == Approx(b.gradient_norm).epsilon(1e-12));
    }
}

namespace {

/// Sixteen sequences, from one with every target down to one without any.
struct UnevenSequences {
    std::vector<lamina::Token> inputs;
    std::vector<lamina::Token> targets;

    UnevenSequences() {
        for (std::uint64_t pair = 0; pair < 8; ++pair) {
            const TinyData data(pair);
            inputs.insert(inputs.end(), data.inputs.begin(), data.inputs.end());
            targets.insert(targets.end(), data.targets.begin(), data.targets.end());
        }
        for (std::size_t i = 0; i < targets.size(); ++i) {
            const std::size_t sequence = i / toy.context;
            if (2 * (i % toy.context) < sequence || sequence == 15) targets[i] = lamina::ignored_target;
        }
    }
    [[nodiscard]] lamina::TokenBatch batch(std::size_t first, std::size_t count) const {
        return {std::span(inputs).subspan(first * toy.context, count * toy.context),
                std::span(targets).subspan(first * toy.context, count * toy.context), toy.context};
    }
};

/// Reports of some steps over the same sequences, `together` of them in each micro-batch, and the last gradients.
struct CutSteps {
    std::vector<train::StepReport> reports;
    std::vector<double> gradients;

    CutSteps(std::size_t together, train::TrainerOptions options) {
        lamina::CpuBackend backend({.threads = 1});
        TinyModel model(backend);
        model.initialise(3);
        options.accumulation = 16 / together;
        train::Trainer<TinyModel> trainer(model, train::ConstantRate{.peak = 1e-2}, options);
        const UnevenSequences sequences;
        for (int step = 0; step < 4; ++step) {
            std::size_t first = 0;
            reports.push_back(trainer.step([&] {
                first += together;
                return sequences.batch(first - together, together);
            }));
        }
        const auto last = model.gradients(lamina::Role::adapter);
        gradients.assign(last.data, last.data + last.size());
    }
};

/// Of two sums of the same terms, by the norm of one.
double relative_distance(const std::vector<double>& a, const std::vector<double>& b) {
    double squares = 0;
    double differences = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        squares += a[i] * a[i];
        differences += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return std::sqrt(differences / squares);
}

}  // namespace

TEST_CASE("16 micro-batches of 1 sequence, 4 of 4 and 1 of 16 are the same step, however targets are spread") {
    const CutSteps whole(16, {});
    for (const std::size_t together : {1U, 4U}) {
        const CutSteps parts(together, {});
        for (std::size_t step = 0; step < whole.reports.size(); ++step) {
            CHECK(parts.reports[step].loss == Approx(whole.reports[step].loss).epsilon(1e-12));
            CHECK(parts.reports[step].gradient_norm == Approx(whole.reports[step].gradient_norm).epsilon(1e-12));
            CHECK(parts.reports[step].tokens == 128);
        }
        CHECK(relative_distance(whole.gradients, parts.gradients) < 1e-12);
    }
    const CutSteps means(4, {.loss_mean = train::LossMean::of_means});
    CHECK(relative_distance(whole.gradients, means.gradients) > 1e-3);
}

TEST_CASE("a step is what its micro-batches make by hand, the penalty by all tokens and the loss by those that count") {
    const train::LossMean mean = GENERATE(train::LossMean::over_tokens, train::LossMean::of_means);
    const bool by_tokens = mean == train::LossMean::over_tokens;
    lamina::CpuBackend backend({.threads = 1});
    const UnevenSequences sequences;
    const lamina::TokenBatch one = sequences.batch(0, 1);   // 8 targets of 8
    const lamina::TokenBatch two = sequences.batch(10, 3);  // 3 + 2 + 2 of 24

    TinyModel by_trainer(backend);
    by_trainer.initialise(3);
    train::Trainer<TinyModel> trainer(by_trainer, train::ConstantRate{.peak = 1e-2},
                                      {.accumulation = 2, .loss_mean = mean, .clip = 0, .auxiliary_weight = 0.7});
    std::size_t calls = 0;
    const train::StepReport report = trainer.step([&] { return calls++ == 0 ? one : two; });

    TinyModel by_hand(backend);
    by_hand.initialise(3);
    by_hand.zero_gradients();
    const double share = by_tokens ? 8.0 / 15 : 0.5;
    const double auxiliary_share = by_tokens ? 0.25 : 0.5;
    const auto first =
        by_hand.forward_backward(one, {.share = share, .auxiliary_weight = 0.7, .auxiliary_share = auxiliary_share});
    const auto second = by_hand.forward_backward(
        two, {.share = 1 - share, .auxiliary_weight = 0.7, .auxiliary_share = 1 - auxiliary_share});
    REQUIRE((first.cross_entropy.count == 8 && second.cross_entropy.count == 7 && second.auxiliary > 0));
    CHECK(report.loss == Approx(by_tokens ? (first.cross_entropy + second.cross_entropy).mean()
                                          : (first.cross_entropy.mean() + second.cross_entropy.mean()) / 2)
                             .epsilon(1e-14));
    CHECK(report.auxiliary ==
          Approx(auxiliary_share * first.auxiliary + (1 - auxiliary_share) * second.auxiliary).epsilon(1e-14));
    CHECK(report.gradient_norm == Approx(train::gradient_norm(by_hand)).epsilon(1e-12));
}

TEST_CASE("a step without any target changes nothing that its weight decay does not") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    model.initialise(3);
    const std::vector<double> start = trained_values(model);
    train::Trainer<TinyModel> trainer(model, train::ConstantRate{.peak = 1e-2},
                                      {.adamw = {.weight_decay = 0}, .accumulation = 2});
    const train::StepReport report = trainer.step([sequences = UnevenSequences()] { return sequences.batch(15, 1); });
    CHECK((report.loss == 0 && report.gradient_norm == 0 && report.outcome == train::Outcome::updated));
    CHECK(trained_values(model) == start);
}

TEST_CASE("the first update of a warm-up moves the moments and nothing else") {
    lamina::CpuBackend backend({.threads = 1});
    const TinyData data(4);
    TinyModel model(backend);
    model.initialise(3);
    const std::vector<double> start = trained_values(model);
    train::Trainer<TinyModel> trainer(model, train::ConstantRate{.peak = 1e-2, .warmup = 4});
    const std::vector<double> before = state_of(trainer);
    CHECK(trainer.step([&] { return data.batch(); }).rate == 0);
    CHECK(trained_values(model) == start);
    CHECK(state_of(trainer) != before);
    trainer.step([&] { return data.batch(); });
    CHECK(trained_values(model) != start);
}
