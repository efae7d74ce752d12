// SPDX-License-Identifier: MIT
#include <lamina/removal/remaining_norms.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <lamina/removal/fold.hpp>
#include <lamina/removal/removal.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

TEST_CASE("norms that a removal has not reached are fixed at once, at the divisors that they hold", "[removal]") {
    using Model = Gpt2<tiny, precision::Fp64, norm::Removable>;
    Cpu backend;
    Model model(backend);
    set_parameters(model, 3);
    Removal removal(model, RemovalSchedule::progressive({.start = 0, .gap_ln_2 = 1}, tiny.layers),
                    {.mode = DivisorMode::freeze});
    removal.calibrate(model, SampleBatch());
    removal.before_update(0);
    const std::size_t left = removal.norms_left();
    REQUIRE(left > 0);
    std::vector<double> divisors;
    for_each_fixable_norm(model, [&](const std::string&, const auto& norm) { divisors.push_back(norm.constant()); });

    CHECK(fix_remaining_norms(model) == left);
    CHECK(fix_remaining_norms(model) == 0);
    CHECK(removal.norms_left() == 0);
    std::vector<double> after;
    for_each_fixable_norm(model, [&](const std::string&, const auto& norm) { after.push_back(norm.constant()); });
    CHECK(after == divisors);

    const LossSum before_fold = model.evaluate(SampleBatch());
    for_each_fixable_norm(model, [](const std::string&, auto& norm) {
        norm.state.merge_first_position();
        norm.state.merge_end_of_text();
    });
    auto folded = fold(std::move(model));
    CHECK(folded.evaluate(SampleBatch()).mean() == Approx(before_fold.mean()).epsilon(1e-9));
}
