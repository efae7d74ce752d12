// SPDX-License-Identifier: MIT
// What an optimiser step may rely on: recomputation, micro-batches and evaluation leave the gradients as they are.
#include <lamina/removal/removable_norm.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class Recompute>
using Model = Gpt2<tiny, precision::Fp64, norm::Removable, adapter::FullRank, trainable::Everything, Recompute>;
using Kept = Model<recompute::None>;
using Recomputed = Model<recompute::PerBlock>;

/// Norms mid-way through their removal, following the data.
template <class M>
void follow(M& model, DivisorMode mode) {
    set_progress(model, Progress::mixed);
    for_each_norm_state(model, [&](RemovableState& state, std::size_t paths) {
        state.tracking.mode = mode;
        state.calls_per_batch = paths == 2 ? 3 : 1;
    });
}

template <class M>
std::vector<double> averages(M& model) {
    std::vector<double> all;
    for_each_norm_state(model, [&](const RemovableState& state, std::size_t) {
        all.insert(all.end(), {state.average, state.first_position_average, state.divisor, state.first_position_divisor,
                               state.in_use.ordinary, state.values_in_use.ordinary});
    });
    return all;
}

struct AfterTwoSteps {
    Gradients first;
    Gradients second;
    std::vector<double> averages;
    friend bool operator==(const AfterTwoSteps&, const AfterTwoSteps&) = default;
};

template <class M>
AfterTwoSteps two_steps(DivisorMode mode) {
    Cpu backend;
    M model(backend);
    set_parameters(model, 1);
    follow(model, mode);
    AfterTwoSteps after;
    for (Gradients* gradients : {&after.first, &after.second}) {
        model.zero_gradients();
        model.forward_backward(SampleBatch{}, {.share = 1, .auxiliary_weight = 0.1});
        *gradients = gradients_of(model);
    }
    after.averages = averages(model);
    return after;
}

/// Σ of the loss over sequences, as one micro-batch or several: 4 sequences of 5, all with 5 targets.
struct Sequences {
    std::array<Token, 20> inputs{};
    std::array<Token, 20> targets{};
    Sequences() {
        Random random{3};
        for (Token& id : inputs) id = static_cast<Token>(random.below(11));
        for (Token& id : targets) id = static_cast<Token>(random.below(11));
    }
    [[nodiscard]] TokenBatch part(std::size_t first, std::size_t count) const {
        return {std::span(inputs).subspan(first * 5, count * 5), std::span(targets).subspan(first * 5, count * 5), 5};
    }
};

}  // namespace

TEST_CASE("recomputing blocks gives the same bits, norms on the way included", "[nn]") {
    for (const DivisorMode mode : {DivisorMode::constant, DivisorMode::freeze, DivisorMode::track}) {
        const AfterTwoSteps kept = two_steps<Kept>(mode);
        const AfterTwoSteps recomputed = two_steps<Recomputed>(mode);
        CHECK(kept.averages == recomputed.averages);
        CHECK(kept.first == recomputed.first);
        CHECK(kept.second == recomputed.second);
        CHECK((kept.second != kept.first) == (mode != DivisorMode::constant));
    }
}

TEST_CASE("micro-batches of one step add up to the gradient of the whole batch", "[nn]") {
    Cpu backend;
    Kept model(backend);
    set_parameters(model, 1);
    set_progress(model, Progress::mixed);
    const Sequences sequences;
    model.zero_gradients();
    model.forward_backward(sequences.part(0, 4));
    const Gradients whole = gradients_of(model);
    for (const std::size_t size : {1, 2}) {
        model.zero_gradients();
        for (std::size_t first = 0; first < 4; first += size) {
            model.forward_backward(sequences.part(first, size), {.share = static_cast<double>(size) / 4});
        }
        CHECK(relative_difference(gradients_of(model), whole) <= 1e-12);
    }
}

TEST_CASE("evaluating in between changes nothing", "[nn]") {
    for (const DivisorMode mode : {DivisorMode::freeze, DivisorMode::track}) {
        Cpu backend;
        Kept model(backend);
        set_parameters(model, 1);
        follow(model, mode);
        const Sequences sequences;
        model.zero_gradients();
        model.forward_backward(SampleBatch{});
        const auto before = averages(model);
        static_cast<void>(model.evaluate(sequences.part(0, 4)));
        const auto after = averages(model);
        // What was divided by in the last pass is that pass's affair; averages and divisors are not.
        for (std::size_t i = 0; i < before.size(); ++i) {
            if (i % 6 < 4) CHECK(after[i] == before[i]);
        }
        model.forward_backward(sequences.part(0, 2));
        const Gradients with = gradients_of(model);
        const auto averages_with = averages(model);

        follow(model, mode);
        model.zero_gradients();
        model.forward_backward(SampleBatch{});
        model.forward_backward(sequences.part(0, 2));
        CHECK(gradients_of(model) == with);
        CHECK(averages(model) == [&] { return averages(model); }());
    }
}

TEST_CASE("told so, evaluation moves the averages once", "[nn]") {
    Cpu backend;
    Kept model(backend);
    set_parameters(model, 1);
    follow(model, DivisorMode::track);
    const auto before = averages(model);
    for_each_norm_state(
        model, [](RemovableState& state, std::size_t) { state.tracking.evaluation = EvaluationPasses::averaged; });
    static_cast<void>(model.evaluate(SampleBatch{}));
    const auto evaluated = averages(model);
    CHECK(evaluated != before);
    follow(model, DivisorMode::track);
    model.zero_gradients();
    model.forward_backward(SampleBatch{});
    CHECK(averages(model) == evaluated);
}

TEST_CASE("the gradient of the auxiliary loss is exact, its target held still", "[nn]") {
    Cpu backend;
    Kept model(backend);
    set_parameters(model, 1);
    set_progress(model, Progress::mixed);
    const SampleBatch batch;
    // The target is no function of the parameters, so it is computed once, by the definition.
    const auto deviations = [&] {
        std::vector<double> all;
        for (std::size_t t = 0; t < 10; ++t) {
            const double* const row = model.stream(tiny.layers).row(t);
            double mean = 0;
            double squares = 0;
            for (std::size_t c = 0; c < 8; ++c) mean += row[c] / 8;
            for (std::size_t c = 0; c < 8; ++c) squares += (row[c] - mean) * (row[c] - mean) / 8;
            all.push_back(std::sqrt(squares + 1e-5));
        }
        return all;
    };
    model.zero_gradients();
    const StepLoss loss = model.forward_backward(batch, {.share = 1, .auxiliary_weight = 0.7});
    const Gradients analytic = gradients_of(model);
    double target = 0;
    double ordinary = 0;
    const auto at_first = deviations();
    for (std::size_t t = 0; t < 10; ++t) {
        if (t % 5 == 0 || batch.inputs[t] == end_of_text) continue;
        target += at_first[t];
        ordinary += 1;
    }
    target /= ordinary;
    const auto penalty = [&] {
        double sum = 0;
        for (const double s : deviations()) sum += (s - target) * (s - target);
        return 0.7 * sum / 10;
    };
    CHECK(ordinary == 6);
    CHECK(loss.auxiliary == Approx(penalty()).epsilon(1e-12));
    CHECK(loss.cross_entropy.mean() == Approx(model.evaluate(batch).mean()).epsilon(1e-14));

    GradientReport report;
    model.for_each_tensor([&](const auto& tensor) {
        const std::string name = tensor.entry.name();
        std::vector<double> exact;
        std::vector<double> numeric;
        for (const std::size_t i : detail::sampled(tensor.entry.size, 4)) {
            exact.push_back(analytic.at(name)[i]);
            numeric.push_back(detail::central_difference(tensor.values.data[i], [&] {
                model.parameters_changed();
                const StepLoss step = model.forward_backward(batch);
                return step.cross_entropy.mean() + penalty();
            }));
        }
        report.add(name, exact, numeric);
    });
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
    CHECK(report.tensors == analytic.size());
}

TEST_CASE("the share of a micro-batch scales the auxiliary gradient, not the reported loss", "[nn]") {
    Cpu backend;
    Kept model(backend);
    set_parameters(model, 1);
    set_progress(model, Progress::fixed);
    const auto run = [&](double share) {
        model.zero_gradients();
        const StepLoss loss = model.forward_backward(SampleBatch{}, {.share = share, .auxiliary_weight = 2});
        return std::pair(loss.auxiliary, gradients_of(model));
    };
    auto [whole_loss, whole] = run(1);
    const auto [half_loss, half] = run(0.5);
    for (auto& [name, values] : whole) {
        for (double& value : values) value *= 0.5;
    }
    CHECK(half_loss == whole_loss);
    CHECK(relative_difference(half, whole) <= 1e-14);
}
