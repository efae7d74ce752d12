// SPDX-License-Identifier: MIT
#include <lamina/nn/pre_norm.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include <lamina/nn/absent_norm.hpp>
#include <lamina/nn/attention.hpp>
#include <lamina/nn/dynamic_tanh.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "nn/run_layer.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

using AdaptersAndNorms = trainable::Roles<Role::adapter, Role::norm>;

template <class... Ps>
using Double = Policies<precision::Fp64, Ps...>;
using Full = Double<>;
using Attention4 = CausalSelfAttention<4, 2, Full>;
using Removable = RemovableNorm<4, Full, 2, RemovalStage::in_progress>;

static_assert(TwoPathNorm<Removable>);
static_assert(!TwoPathNorm<RemovableNorm<4, Full, 1, RemovalStage::in_progress>> && !TwoPathNorm<LayerNorm<4, Full>>);
static_assert(ReadsPaths<Attention4> && !ReadsPaths<Linear<4, 4, Full>>);

static_assert(Layer<PreNorm<LayerNorm<4, Full>, Linear<4, 3, Full>>> && Layer<PreNorm<Removable, Attention4>>);

// One normalised stream, two where the paths may differ, none where the norm is absent.
template <class Norm, class Inner>
constexpr std::size_t streams_saved = (saved_bytes<typename PreNorm<Norm, Inner>::Saved>(8) -
                                       saved_bytes<typename Norm::Saved>(8) - saved_bytes<typename Inner::Saved>(8)) /
                                      (8 * 4 * sizeof(double));
static_assert(streams_saved<LayerNorm<4, Full>, Attention4> == 1);
static_assert(streams_saved<Removable, Attention4> == 2);
static_assert(streams_saved<Removable, Linear<4, 3, Full>> == 1);
static_assert(streams_saved<AbsentNorm<4, Full>, Attention4> == 0);

/// A two-path norm with the paths fixed as told and a divisor per path of the sequence.
template <class Policies, bool QueriesAndKeys, bool Values, bool Apart = false>
struct Partly : RemovableNorm<4, Policies, 2, RemovalStage::in_progress> {
    constexpr Partly() {
        this->state.tracking.mode = DivisorMode::constant;
        this->state.fixed = QueriesAndKeys;
        this->state.values_fixed = Values;
        this->state.first_position_apart = this->state.end_of_text_apart = Apart;
        this->state.start_at(0.7, 1.9);
    }
};
template <bool QueriesAndKeys, bool Values, bool Apart, class... Ps>
using Before = PreNorm<Partly<Double<Ps...>, QueriesAndKeys, Values, Apart>, CausalSelfAttention<4, 2, Double<Ps...>>>;

}  // namespace

TEST_CASE("a norm and the layer behind it are called by name, else norm and inner", "[nn]") {
    std::vector<std::string> names;
    using Anonymous = PreNorm<LayerNorm<4, Full>, Linear<4, 3, Full>>;
    for (const TensorEntry& entry : Manifest<Anonymous>::entries) names.push_back(entry.name());
    CHECK(names == std::vector<std::string>{"norm.weight", "norm.bias", "inner.weight", "inner.bias"});
    names.clear();
    using WithNames = PreNorm<Named<"ln", LayerNorm<4, Full>>, Named<"fc", Linear<4, 3, Full>>>;
    for (const TensorEntry& entry : Manifest<WithNames>::entries) names.push_back(entry.name());
    CHECK(names == std::vector<std::string>{"ln.weight", "ln.bias", "fc.weight", "fc.bias"});
}

TEST_CASE("an absent norm costs nothing and changes nothing", "[nn]") {
    LayerRun<PreNorm<AbsentNorm<4, Full>, Linear<4, 3, Full>>> with({1, 2});
    LayerRun<Linear<4, 3, Full>> without({1, 2});
    const std::vector<double> x{1, 2, 3, 4, 5, 6, 7, 8};
    CHECK(with.forward(x) == without.forward(x));
    CHECK(with.backward({1, 2, 3, 4, 5, 6}) == without.backward({1, 2, 3, 4, 5, 6}));
}

TEMPLATE_TEST_CASE("the gradients behind a norm are exact, whichever paths are fixed", "[nn]",
                   (PreNorm<LayerNorm<4, Full>, Linear<4, 3, Full>>), (PreNorm<DynamicTanh<4, Full>, Attention4>),
                   (PreNorm<AbsentNorm<4, Full>, Attention4>), (Before<false, false, false>),
                   (Before<true, false, false>), (Before<false, true, false>), (Before<true, true, false>),
                   (Before<true, false, true>), (Before<true, true, true>),
                   (Before<true, false, true, adapter::Lora<2>, execution::Factored>),
                   (Before<true, false, false, adapter::FullRank, execution::Split, AdaptersAndNorms>),
                   (Before<true, false, false, adapter::FullRank, execution::Merged>)) {
    const GradientReport report = check_gradient<TestType>({.extent = {2, 4}, .perturbation = 0.4});
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
}
