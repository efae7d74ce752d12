// SPDX-License-Identifier: MIT
// Whole models at every point of the removal of their norms.
#include <lamina/removal/removable_norm.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

using AdaptersAndNorms = trainable::Roles<Role::adapter, Role::norm>;
using AdaptersAndEmbeddings = trainable::Roles<Role::adapter, Role::embedding>;

template <class... Ps>
using Model = Gpt2<tiny, precision::Fp64, norm::Removable, Ps...>;

}  // namespace

TEMPLATE_TEST_CASE("the gradients of a model are exact however far its norms are removed", "[nn]", (Model<>),
                   (Model<adapter::FullRank>),
                   (Model<adapter::FullRank, execution::Split, AdaptersAndNorms, recompute::PerBlock>),
                   (Model<adapter::Lora<2, 4>, execution::Factored, AdaptersAndEmbeddings>),
                   (Model<adapter::Lora<2>, trainable::Everything, head::UntiedWithBias, recompute::PerBlock>)) {
    for (const Progress progress : {Progress::real, Progress::mixed, Progress::fixed, Progress::end_of_text_apart,
                                    Progress::first_position_apart}) {
        const GradientReport report = checked<TestType>(progress);
        INFO(report.where << " at progress " << static_cast<int>(progress));
        CHECK(report.worst <= gradient_bar);
    }
}

TEST_CASE("how far the norms are removed makes a difference", "[nn]") {
    Cpu backend;
    Model<> model(backend);
    set_parameters(model, 1);
    double last = 0;
    for (const Progress progress : {Progress::real, Progress::mixed, Progress::fixed, Progress::end_of_text_apart,
                                    Progress::first_position_apart}) {
        set_progress(model, progress);
        const double loss = model.evaluate(SampleBatch{}).sum;
        CHECK(std::abs(loss - last) > 1e-4);
        last = loss;
    }
}
