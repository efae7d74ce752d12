// SPDX-License-Identifier: MIT
// A whole removal with a backend that repeats what it can is, bit for bit, the removal without.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <lamina/core/random.hpp>
#include <lamina/removal/removal.hpp>
#include <lamina/train/trainer.hpp>

#include "nn/recording_backend.hpp"
#include "support/catch.hpp"
#include "train/tiny_run.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class Device, class Recompute>
using Model = Gpt2<toy, norm::Removable, adapter::FullRank, precision::Fp64, Recompute, Device>;

/// Every event of every kind, with steps between them in which nothing changes.
constexpr RemovalSchedule schedule{.ln_2 = {3, 2},
                                   .ln_1_qk = {8, 2},
                                   .ln_1_v = {13, 2},
                                   .ln_f = {18, 0},
                                   .end_of_text = {21, 2},
                                   .first_position = {25, 2}};
constexpr std::size_t steps = 32;
constexpr Token end_of_text = 4;

void append(std::vector<double>& all, const Divisors& divisors) {
    all.insert(all.end(),
               {divisors.ordinary, divisors.first_position, divisors.end_of_text, divisors.first_end_of_text});
}

/// A model on its way, all of whose state can be compared.
template <class M>
struct Run {
    typename M::Backend& backend;
    M model{backend};
    Removal removal;
    train::Trainer<M> trainer;

    Run(typename M::Backend& where, const StdTracking& tracking)
        : backend(where),
          removal(model, schedule, tracking),
          trainer(model, [](std::size_t) { return 1e-2; }, {.accumulation = 2}) {
        model.initialise(3);
        model.set_end_of_text(end_of_text);
        removal.calibrate(model, TinyData(9).batch());
        trainer.attach(removal);
    }

    std::vector<double> step(std::uint64_t seed) {
        std::uint64_t micro = 2 * seed;
        TinyData data(micro);
        const train::StepReport report = trainer.step([&] {
            data = TinyData(micro++);
            data.inputs[5] = data.inputs[8] = end_of_text;
            for (std::size_t i = 0; i < seed % 5; ++i) data.targets[3 * i] = ignored_target;
            return data.batch();
        });
        std::vector<double> all{report.loss, report.gradient_norm};
        model.for_each_trained_tensor([&](const auto& tensor) {
            all.insert(all.end(), tensor.values.data, tensor.values.data + tensor.entry.size);
            all.insert(all.end(), tensor.gradient.data, tensor.gradient.data + tensor.entry.size);
        });
        for (const NormSite& site : removal.sites()) {
            const RemovableState& state = *site.state;
            all.insert(all.end(),
                       {state.average, state.first_position_average, state.divisor, state.first_position_divisor});
            append(all, state.in_use);
            append(all, state.values_in_use);
        }
        all.push_back(model.evaluate(TinyData(seed).batch()).sum);
        return all;
    }
};

/// Of 128 halves of micro-steps and 32 evaluations.
std::size_t expected_repetitions(DivisorMode mode, FirstPosition first) {
    // Each set of norms is seen first once: forward, backward and evaluation. Those in which nothing is apart any more
    // do not see the last four events.
    const std::size_t sets = first == FirstPosition::apart ? 12 : 8;
    switch (mode) {
        case DivisorMode::constant:
            return 160 - 3 * sets;
        case DivisorMode::freeze:
            // Steps 8 to 14, three sets of norms, have queries and keys that divide by what follows the values' norm.
            return 160 - 3 * (sets - 3) - 7 * 5;
        case DivisorMode::track:
            // Only steps 0 to 2 have no divisor that follows the data.
            return 3 * 5 - 3;
    }
    return 0;
}

/// How many of the passes were repetitions.
template <class Recompute>
std::size_t repetitions(const StdTracking& tracking) {
    RecordingBackend recording;
    CpuBackend cpu({.threads = 2});
    Run<Model<Recorded, Recompute>> repeating(recording, tracking);
    Run<Model<device::Cpu, Recompute>> eager(cpu, tracking);
    for (std::size_t i = 0; i < steps; ++i) {
        INFO("step " << i);
        const std::vector<double> expected = eager.step(i);
        REQUIRE(repeating.step(i) == expected);
    }
    CHECK(repeating.removal.norms_left() == 0);
    return recording.repeated;
}

}  // namespace

TEMPLATE_TEST_CASE("a removal whose steps are repeated is the same, bit for bit", "[train]", recompute::None,
                   recompute::PerBlock) {
    for (const DivisorMode mode : {DivisorMode::constant, DivisorMode::freeze, DivisorMode::track}) {
        for (const std::size_t calls : {1, 3}) {
            for (const FirstPosition first : {FirstPosition::like_others, FirstPosition::apart}) {
                CAPTURE(name(mode), calls, int(first));
                const std::size_t repeated = repetitions<TestType>({.mode = mode,
                                                                    .momentum = 0.9,
                                                                    .calls_of_ln_1 = calls,
                                                                    .first_position = first,
                                                                    .average_over = AverageOver::all_but_first});
                CHECK(repeated == expected_repetitions(mode, first));
            }
        }
    }
}

TEST_CASE("a removal that evaluation takes part in is the same, bit for bit", "[train]") {
    for (const DivisorMode mode : {DivisorMode::constant, DivisorMode::freeze, DivisorMode::track}) {
        CAPTURE(name(mode));
        static_cast<void>(
            repetitions<recompute::None>({.mode = mode, .momentum = 0.9, .evaluation = EvaluationPasses::averaged}));
    }
}
