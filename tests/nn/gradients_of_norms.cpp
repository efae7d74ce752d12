// SPDX-License-Identifier: MIT
// Whole models under every norm that has no run-time state, each with another adapter, execution, head and trainable
// set.
#include <lamina/removal/removable_norm.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

using AdaptersAndNorms = trainable::Roles<Role::adapter, Role::norm>;
using AdaptersAndEmbeddings = trainable::Roles<Role::adapter, Role::embedding>;

template <class... Ps>
using Model = Gpt2<tiny, precision::Fp64, Ps...>;

}  // namespace

TEMPLATE_TEST_CASE("the gradients of a model are exact under every norm", "[nn]", (Model<>),
                   (Model<norm::FixedStd, adapter::FullRank, execution::Split, AdaptersAndNorms>),
                   (Model<norm::Absent, head::UntiedWithBias, recompute::PerBlock>),
                   (Model<norm::RmsNorm, adapter::Lora<2, 4>, execution::Factored, AdaptersAndEmbeddings>),
                   (Model<norm::DynamicTanh, adapter::FullRank, head::Untied, trainable::Roles<Role::adapter>>)) {
    const GradientReport report = checked<TestType>();
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
    std::size_t training = 0;
    for (const TensorEntry& entry : Manifest<TestType>::entries) training += entry.trains ? 1 : 0;
    CHECK(report.tensors == training);
}
