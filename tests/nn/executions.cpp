// SPDX-License-Identifier: MIT
// The three ways to apply an adapter: the same numbers up to rounding, each with exact gradients.
#include <lamina/removal/removable_norm.hpp>

#include <cmath>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

/// Everything trains, so that the gradient of the base weight under an adapter is compared too.
template <class Adapter, class Execution>
using Model = Gpt2<tiny, precision::Fp64, norm::Removable, trainable::Everything, Adapter, Execution>;

struct Result {
    double loss = 0;
    Gradients gradients;
};

template <class M>
Result result(Progress progress) {
    Cpu backend;
    M model(backend);
    set_parameters(model, 1);
    set_progress(model, progress);
    model.zero_gradients();
    // Two micro-batches, so that what is accumulated over a step counts.
    const double loss = model.forward_backward(SampleBatch{}, {.share = 0.5}).cross_entropy.sum;
    SampleBatch second;
    second.inputs[1] = 10;
    return {loss + model.forward_backward(second, {.share = 0.5}).cross_entropy.sum, gradients_of(model)};
}

}  // namespace

TEMPLATE_TEST_CASE("factored, split and merged execution agree in losses and every gradient", "[nn]", adapter::FullRank,
                   (adapter::Lora<2, 6>)) {
    for (const Progress progress : {Progress::real, Progress::mixed, Progress::fixed}) {
        const Result factored = result<Model<TestType, execution::Factored>>(progress);
        const Result split = result<Model<TestType, execution::Split>>(progress);
        const Result merged = result<Model<TestType, execution::Merged>>(progress);
        CHECK(std::abs(split.loss - factored.loss) <= 1e-10 * factored.loss);
        CHECK(std::abs(merged.loss - factored.loss) <= 1e-10 * factored.loss);
        CHECK(relative_difference(split.gradients, factored.gradients) <= 1e-10);
        CHECK(relative_difference(merged.gradients, factored.gradients) <= 1e-10);
        CHECK(factored.gradients.size() == Manifest<Model<TestType, execution::Factored>>::entries.size());
    }
}

TEMPLATE_TEST_CASE("the gradients of a model that has adapters in some layers are exact", "[nn]", execution::Factored,
                   execution::Split, execution::Merged) {
    using Some = targets::Only<Target::c_attn, Target::mlp_c_proj>;
    const GradientReport report =
        checked<Gpt2<tiny, precision::Fp64, norm::Removable, adapter::Lora<2, 6>, Some, TestType>>(Progress::mixed);
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
}

TEMPLATE_TEST_CASE("the gradients of adapter and base are exact together", "[nn]", execution::Factored,
                   execution::Split, execution::Merged) {
    const GradientReport report = checked<Model<adapter::FullRank, TestType>>(Progress::mixed);
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
}
