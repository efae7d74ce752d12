// SPDX-License-Identifier: MIT
#include <lamina/nn/layer_norm.hpp>

#include <array>
#include <cmath>
#include <cstddef>

#include <lamina/nn/policies.hpp>

#include "nn/run_layer.hpp"
#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

using P = Policies<precision::Fp64>;
using FrozenNorm = Policies<precision::Fp64, trainable::Roles<Role::adapter>>;

static_assert(Layer<LayerNorm<6, P>> && Layer<RmsNorm<6, P>>);
static_assert(LayerNorm<6, P>::is_layer_norm && !RmsNorm<6, P>::is_layer_norm);
static_assert(Manifest<LayerNorm<6, P>>::parameters == 12 && Manifest<RmsNorm<6, P>>::parameters == 6);
static_assert(Manifest<LayerNorm<6, P>>::entries[0].suffix.view() == "weight");
static_assert(Manifest<LayerNorm<6, P>>::entries[1].suffix.view() == "bias");

TEST_CASE("layer norm gives every row mean 0 and variance 1, then gain and bias", "[nn]") {
    LayerRun<LayerNorm<4, P>> run({1, 2});
    run.layer.gain.values[2] = 3;
    run.layer.bias.values[2] = 0.5;
    const auto y = run.forward({1, 2, 3, 6, -7, -7, -7, -7});
    // Row 0: mean 3, variance 14 / 4. Row 1 is constant: only epsilon keeps it from dividing by zero.
    const double deviation = std::sqrt(3.5 + 1e-5);
    CHECK(y[0] == Approx(-2 / deviation).epsilon(1e-14));
    CHECK(y[2] == Approx(0.5).epsilon(1e-14));
    CHECK(y[3] == Approx(3 / deviation).epsilon(1e-14));
    CHECK(y[4] == 0);
    CHECK(y[6] == 0.5);
}

TEST_CASE("RMS norm divides by the root mean square and does not centre", "[nn]") {
    LayerRun<RmsNorm<2, P>> run({1, 1});
    run.layer.gain.values[1] = 2;
    const auto y = run.forward({3, 5});
    const double scale = std::sqrt(17 + 1e-5);
    CHECK(y[0] == Approx(3 / scale).epsilon(1e-14));
    CHECK(y[1] == Approx(10 / scale).epsilon(1e-14));
}

TEMPLATE_TEST_CASE("the gradients of measured norms are exact", "[nn]", (LayerNorm<7, P>), (RmsNorm<7, P>),
                   (LayerNorm<7, FrozenNorm>), (RmsNorm<7, FrozenNorm>), (LayerNorm<2, P>)) {
    const GradientReport report = check_gradient<TestType>();
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
    CHECK(report.tensors == Manifest<TestType>::entries.size() * (has_trainable<TestType>() ? 1 : 0) + 1);
}
