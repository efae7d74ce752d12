// SPDX-License-Identifier: MIT
#include <lamina/nn/gelu.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

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

TEST_CASE("the gradient of gelu is exact", "[nn]") { CHECK(check_gradient<Gelu<5, P>>().worst <= gradient_bar); }
