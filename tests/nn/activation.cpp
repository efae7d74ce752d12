// SPDX-License-Identifier: MIT
#include <lamina/nn/activation.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <lamina/nn/mlp.hpp>
#include <lamina/nn/policies.hpp>

#include "nn/run_layer.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

using P = Policies<precision::Fp64>;

static_assert(Layer<Gelu<3, P>>);
static_assert(Manifest<Gelu<3, P>>::parameters == 0);
static_assert(saved_bytes<Gelu<3, P>::Saved>(100) == 0);

TEST_CASE("gelu is the tanh form of GPT-2", "[nn]") {
    const std::vector<double> x{-20, -1, -0.5, 0, 0.5, 3};
    LayerRun<Gelu<3, P>> run({1, 2});
    const auto y = run.forward(x);
    const double c = std::sqrt(2 / 3.141592653589793);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double expected = 0.5 * x[i] * (1 + std::tanh(c * (x[i] + 0.044715 * x[i] * x[i] * x[i])));
        CHECK(y[i] == Approx(expected).epsilon(1e-14).margin(1e-300));
    }
    // The exact form differs from the third digit on: -0.158655 at -1.
    CHECK(y[1] == Approx(-0.158808).epsilon(1e-5));
}

TEST_CASE("relu is zero below zero, with the slope of the side, and passes NaN", "[nn]") {
    using Relu = activation::Relu;
    CHECK(Relu::value(-2.0) == 0);
    CHECK(Relu::value(3.0F) == 3);
    CHECK(Relu::slope(-2.0F) == 0);
    CHECK(Relu::slope(0.0) == 0);
    CHECK(Relu::slope(2.0) == 1);
    CHECK(std::isnan(Relu::value(NAN)));
}

TEMPLATE_TEST_CASE("the gradients of activation functions are exact, alone and in an MLP", "[nn]", activation::GeluNew,
                   activation::Gelu, activation::Relu, activation::Silu, activation::Tanh) {
    CHECK(check_gradient<Activate<TestType, 5, P>>().worst <= gradient_bar);
    using Alone = Mlp<4, 6, Policies<precision::Fp64, TestType>>;
    using Adapted = Mlp<4, 6, Policies<precision::Fp64, TestType, adapter::Lora<2>, execution::Factored>>;
    using Frozen = Mlp<4, 6, Policies<precision::Fp64, TestType, trainable::Nothing>>;
    // Far from the kink of relu, which a difference quotient must not cross.
    constexpr GradientCheckOptions options{.perturbation = 1};
    for (const GradientReport& report :
         {check_gradient<Alone>(options), check_gradient<Adapted>(options), check_gradient<Frozen>(options)}) {
        INFO(report.where);
        CHECK(report.worst <= gradient_bar);
    }
}
