// SPDX-License-Identifier: MIT
#include <lamina/nn/mlp.hpp>

#include <vector>

#include <lamina/nn/activation.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/policies.hpp>

#include "nn/run_layer.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class... Ps>
using Checked = Mlp<4, 9, Policies<precision::Fp64, Ps...>>;

static_assert(Layer<Checked<>>);
static_assert(Checked<>::in == 4 && Checked<>::out == 4);
static_assert(Manifest<Checked<>>::parameters == 4 * 9 + 9 + 9 * 4 + 4);
// What gelu reads and what it gives; one gradient between the two layers.
static_assert(saved_bytes<Checked<>::Saved>(8) == 2 * 8 * 9 * sizeof(double));
static_assert(on_paper<Checked<>>({1, 8}).scratch == 8 * 9 * sizeof(double));

/// The same perceptron as a sequence of three layers.
template <class... Ps>
using Sequence = Sequential<Linear<4, 9, Policies<precision::Fp64, Ps...>>, Gelu<9, Policies<precision::Fp64, Ps...>>,
                            ResidualLinear<9, 4, Policies<precision::Fp64, Ps...>>>;

}  // namespace

TEST_CASE("the layers of an MLP have their Hugging Face names", "[nn]") {
    std::vector<std::string> names;
    for (const TensorEntry& entry : Manifest<Checked<>>::entries) names.push_back(entry.name());
    CHECK(names == std::vector<std::string>{"c_fc.weight", "c_fc.bias", "c_proj.weight", "c_proj.bias"});
}

TEMPLATE_TEST_CASE("an MLP gives what its layers give one after another, bit for bit", "[nn]", (Checked<>),
                   (Checked<adapter::Lora<2>>), (Checked<adapter::Lora<2>, execution::Factored>)) {
    using Layers = std::conditional_t<
        std::is_same_v<TestType, Checked<>>, Sequence<>,
        std::conditional_t<std::is_same_v<TestType, Checked<adapter::Lora<2>>>, Sequence<adapter::Lora<2>>,
                           Sequence<adapter::Lora<2>, execution::Factored>>>;
    constexpr Extent extent{2, 3};
    LayerRun<TestType> fused(extent);
    LayerRun<Layers> separate(extent);
    Random random{7};
    const auto fill = [&](double* a, double* b, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) a[i] = b[i] = random.normal();
    };
    const auto same_values = [&](auto& one, auto& other) {
        fill(one.weight.values.data, other.weight.values.data, one.weight.size);
        fill(one.bias.values.data, other.bias.values.data, one.bias.size);
        if constexpr (requires { one.adapter.a; }) {
            fill(one.adapter.a.values.data, other.adapter.a.values.data, one.adapter.a.size);
            fill(one.adapter.b.values.data, other.adapter.b.values.data, one.adapter.b.size);
        }
    };
    same_values(fused.layer.c_fc, separate.layer.template get<0>());
    same_values(fused.layer.c_proj, separate.layer.template get<2>());
    std::vector<double> x(extent.tokens() * 4);
    for (double& value : x) value = random.normal();
    CHECK(fused.forward(x) == separate.forward(x));
    CHECK(fused.backward(x) == separate.backward(x));
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
