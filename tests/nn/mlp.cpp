// SPDX-License-Identifier: MIT
#include <lamina/nn/mlp.hpp>

#include <vector>

#include <lamina/nn/policies.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class... Ps>
using Checked = Mlp<4, 9, Policies<precision::Fp64, Ps...>>;

static_assert(Layer<Checked<>>);
static_assert(Checked<>::in == 4 && Checked<>::out == 4);
static_assert(Manifest<Checked<>>::parameters == 4 * 9 + 9 + 9 * 4 + 4);

}  // namespace

TEST_CASE("the layers of an MLP have their Hugging Face names", "[nn]") {
    std::vector<std::string> names;
    for (const TensorEntry& entry : Manifest<Checked<>>::entries) names.push_back(entry.name());
    CHECK(names == std::vector<std::string>{"c_fc.weight", "c_fc.bias", "c_proj.weight", "c_proj.bias"});
}

TEMPLATE_TEST_CASE("the gradients of an MLP are exact under every adapter and execution", "[nn]", (Checked<>),
                   (Checked<adapter::FullRank>), (Checked<adapter::FullRank, execution::Factored>),
                   (Checked<adapter::FullRank, execution::Split>), (Checked<adapter::Lora<2>>),
                   (Checked<adapter::Lora<2>, execution::Factored, trainable::Everything>),
                   (Checked<adapter::Lora<2>, execution::Split, trainable::Everything>),
                   (Checked<trainable::Nothing>)) {
    const GradientReport report = check_gradient<TestType>();
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
}
