// SPDX-License-Identifier: MIT
#include <lamina/nn/absent_norm.hpp>

#include <vector>

#include <lamina/nn/policies.hpp>

#include "nn/run_layer.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

using Identity = AbsentNorm<3, Policies<precision::Fp64>>;

static_assert(Layer<Identity>);
static_assert(!Identity::is_layer_norm && Identity::is_identity);
static_assert(Manifest<Identity>::entries.empty());
static_assert(saved_bytes<Identity::Saved>(8) == 0);

TEST_CASE("an absent norm hands on what it is given, in both directions", "[nn]") {
    LayerRun<Identity> run({1, 2});
    const std::vector<double> x{1, 2, 3, 4, 5, 6};
    CHECK(run.forward(x) == x);
    CHECK(run.backward({6, 5, 4, 3, 2, 1}) == std::vector<double>{6, 5, 4, 3, 2, 1});
}

TEST_CASE("an absent norm computes no gradient that nobody wants", "[nn]") {
    LayerRun<Identity> run({1, 1});
    static_cast<void>(run.forward({1, 2, 3}));
    CHECK_NOTHROW(run.backward_into({1, 2, 3}, Rows<double, 3>{}));
}
