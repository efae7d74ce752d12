// SPDX-License-Identifier: MIT
#include <lamina/removal/held_divisors.hpp>

#include <string>
#include <utility>

#include <lamina/removal/fold.hpp>
#include <lamina/removal/remaining_norms.hpp>
#include <lamina/removal/removal.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

TEST_CASE("held divisors make one model of what evaluations moved, and folding gives that model", "[removal]") {
    using Model = Gpt2<tiny, precision::Fp64, norm::Removable>;
    Cpu backend;
    Model model(backend);
    set_parameters(model, 3);
    Removal removal(model, {}, {.mode = DivisorMode::track, .evaluation = EvaluationPasses::averaged});
    for_each_fixable_norm(model, [](const std::string&, auto& norm) { norm.state.start_at(0.5, 0.5); });
    fix_remaining_norms(model);
    const double first = model.evaluate(SampleBatch()).mean();
    REQUIRE(model.evaluate(SampleBatch()).mean() != first);

    hold_divisors(model);
    const double held = model.evaluate(SampleBatch()).mean();
    CHECK(model.evaluate(SampleBatch()).mean() == held);
    for_each_fixable_norm(model, [](const std::string&, auto& norm) {
        norm.state.merge_first_position();
        norm.state.merge_end_of_text();
    });
    auto folded = fold(std::move(model));
    CHECK(folded.evaluate(SampleBatch()).mean() == Approx(held).epsilon(1e-9));
}

TEST_CASE("norms that measure go on measuring when divisors are held", "[removal]") {
    using Model = Gpt2<tiny, precision::Fp64, norm::Removable>;
    Cpu backend;
    Model model(backend);
    set_parameters(model, 3);
    const double before = model.evaluate(SampleBatch()).mean();
    hold_divisors(model);
    CHECK(model.evaluate(SampleBatch()).mean() == before);
}
