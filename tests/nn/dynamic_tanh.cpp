// SPDX-License-Identifier: MIT
#include <lamina/nn/dynamic_tanh.hpp>

#include <cmath>

#include <lamina/nn/policies.hpp>

#include "nn/run_layer.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class... Ps>
using Checked = DynamicTanh<5, Policies<precision::Fp64, Ps...>>;

static_assert(Layer<Checked<>>);
static_assert(!Checked<>::is_layer_norm);
static_assert(Manifest<Checked<>>::parameters == 1 + 5 + 5);

}  // namespace

TEST_CASE("dynamic tanh is tanh(alpha x) gain + bias and starts at one half", "[nn]") {
    LayerRun<DynamicTanh<2, Policies<precision::Fp64>>> run({1, 2});
    run.layer.gain.values[1] = 3;
    run.layer.bias.values[1] = -1;
    const auto y = run.forward({2, -1, 0, 50});
    CHECK(y[0] == Approx(std::tanh(1.0)).epsilon(1e-14));
    CHECK(y[1] == Approx(3 * std::tanh(-0.5) - 1).epsilon(1e-14));
    CHECK(y[2] == 0);
    CHECK(y[3] == Approx(2).epsilon(1e-14));
}

TEMPLATE_TEST_CASE("the gradients of dynamic tanh are exact", "[nn]", (Checked<>), (Checked<trainable::Nothing>),
                   (Checked<adapter::FullRank, trainable::Roles<Role::adapter, Role::norm>>)) {
    const GradientReport report = check_gradient<TestType>();
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
    CHECK(report.tensors == (has_trainable<TestType>() ? 4 : 1));
}
