// SPDX-License-Identifier: MIT
#include <lamina/nn/composition.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include <lamina/nn/activation.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/policies.hpp>

#include "nn/run_layer.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

using P = Policies<precision::Fp64>;
using Frozen = Policies<precision::Fp64, trainable::Nothing>;
template <std::size_t In, std::size_t Out>
using Full = Linear<In, Out, P>;
using Chain = Sequential<Full<3, 5>, Gelu<5, P>, Full<5, 2>>;

static_assert(Layer<Chain> && Layer<Sequential<Full<3, 5>>> && Layer<Residual<Full<3, 3>>>);
static_assert(Layer<Parallel<Full<3, 2>, Full<3, 2>>> && Layer<Named<"inner", Full<3, 2>>>);

static_assert(WidthsMeet<Full<3, 5>, Full<5, 2>>);
static_assert(!WidthsMeet<Full<3, 5>, Full<3, 5>>);

static_assert(Chain::in == 3 && Chain::out == 2);
static_assert(Sequential<Full<3, 5>>::out == 5);
// Every intermediate activation is kept, the last one is not.
static_assert(saved_bytes<Chain::Saved>(8) == 2 * 8 * 5 * sizeof(double));
static_assert(saved_bytes<Residual<Full<3, 3>>::Saved>(8) == 0);
// One gradient between each two layers while the lowest one runs.
static_assert(on_paper<Chain>({1, 8}).scratch == 2 * 8 * 5 * sizeof(double));
static_assert(on_paper<Parallel<Full<3, 2>, Full<3, 2>>>({1, 8}).scratch == 8 * 3 * sizeof(double));

static_assert(on_paper<Chain>({1, 1}, true).flops.forward == 2 * (15 + 10));
static_assert(on_paper<Chain>({1, 1}, false).flops.backward == 2 * 15 + 2 * 2 * 10);
static_assert(on_paper<Parallel<Full<3, 2>, Full<3, 2>>>({1, 1}, true).flops.forward == 24);

template <class L>
std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const TensorEntry& entry : Manifest<L>::entries) all.push_back(entry.name());
    return all;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("members of a composition are called by name, else by place", "[nn]") {
    CHECK(names<Chain>() == Names{"0.weight", "0.bias", "2.weight", "2.bias"});
    CHECK(names<Sequential<Named<"up", Full<3, 5>>, Full<5, 2>>>() ==
          Names{"up.weight", "up.bias", "1.weight", "1.bias"});
    CHECK(names<Residual<Full<3, 3>>>() == Names{"weight", "bias"});
    CHECK(names<Residual<Named<"inner", Full<3, 3>>>>() == Names{"inner.weight", "inner.bias"});
    CHECK(names<Parallel<Named<"left", Full<3, 2>>, Full<3, 2>>>() ==
          Names{"left.weight", "left.bias", "1.weight", "1.bias"});
    CHECK(names<Sequential<Named<"", Chain>>>() == names<Chain>());
}

TEST_CASE("a sequence feeds each layer with the output of the one before", "[nn]") {
    LayerRun<Sequential<Full<1, 1>, Full<1, 1>>> run({1, 2});
    run.layer.get<0>().weight.values[0] = 3;
    run.layer.get<0>().bias.values[0] = 1;
    run.layer.get<1>().weight.values[0] = 10;
    CHECK(run.forward({1, 2}) == std::vector<double>{40, 70});
    CHECK(run.backward({1, 1}) == std::vector<double>{30, 30});
    CHECK(run.layer.get<1>().weight.gradient[0] == 4 + 7);
    CHECK(run.layer.get<0>().weight.gradient[0] == 10 * (1 + 2));
}

TEST_CASE("a residual adds its input, parallel layers add their outputs", "[nn]") {
    LayerRun<Residual<Full<1, 1>>> residual({1, 1});
    residual.layer.inner.weight.values[0] = 3;
    CHECK(residual.forward({2}) == std::vector<double>{8});
    CHECK(residual.backward({1}) == std::vector<double>{4});

    LayerRun<Parallel<Full<1, 1>, Full<1, 1>>> parallel({1, 1});
    parallel.layer.left.weight.values[0] = 3;
    parallel.layer.right.weight.values[0] = 5;
    CHECK(parallel.forward({2}) == std::vector<double>{16});
    CHECK(parallel.backward({1}) == std::vector<double>{8});
}

TEST_CASE("nothing is computed below the lowest layer that trains", "[nn]") {
    LayerRun<Sequential<Linear<2, 3, Frozen>, Full<3, 2>>> run({1, 1});
    static_cast<void>(run.forward({1, 2}));
    CHECK_NOTHROW(run.backward_into({1, 1}, Rows<double, 2>{}));
    CHECK(run.layer.get<1>().bias.gradient[0] == 1);
    CHECK(run.layer.get<0>().weight.gradient.empty());
}

TEMPLATE_TEST_CASE("the gradients of compositions are exact", "[nn]", Chain, (Sequential<Chain, Full<2, 3>>),
                   (Residual<Sequential<Full<3, 4>, Gelu<4, P>, Full<4, 3>>>), (Parallel<Full<3, 2>, Chain>),
                   (Residual<Parallel<Full<3, 3>, Linear<3, 3, Frozen>>>),
                   (Sequential<Linear<2, 3, Frozen>, Full<3, 2>, Linear<2, 4, Frozen>>)) {
    const GradientReport report = check_gradient<TestType>();
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
}
