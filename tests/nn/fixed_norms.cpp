// SPDX-License-Identifier: MIT
#include <lamina/nn/fixed_norms.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

#include <limits>

using namespace lamina;

namespace {

constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

static_assert(Foldable<Gpt2<tiny, norm::Removable, adapter::FullRank, precision::Fp64>>);
static_assert(Foldable<Gpt2<tiny, norm::FixedStd>>);
static_assert(!Foldable<Gpt2<tiny>>);
static_assert(!Foldable<Gpt2<tiny, norm::RmsNorm>>);
static_assert(!Foldable<Gpt2<tiny, norm::DynamicTanh>>);
static_assert(!Foldable<Gpt2<tiny, norm::Absent, head::UntiedWithBias>>, "there is nothing left to replace");
static_assert(!Foldable<Decoder<tiny, Policies<norm::Removable>, LayerNorm<8, Policies<>>>>);
static_assert(!Foldable<int>);

RemovableState fixed_at(double divisor) {
    RemovableState state;
    state.fixed = state.values_fixed = true;
    state.start_at(divisor, divisor);
    return state;
}

}  // namespace

TEST_CASE("a norm that divides every token by one positive constant is no obstacle") {
    CHECK(lamina::detail::obstacle(fixed_at(1e-3)).empty());
    for (const double divisor : {0.0, -1.0, std::numeric_limits<double>::infinity()}) {
        CHECK_THAT(lamina::detail::obstacle(fixed_at(divisor)),
                   Catch::Matchers::Contains("expected a positive number"));
    }
}

TEST_CASE("the first norm that still measures is named, after who asked") {
    CpuBackend backend({.threads = 1});
    Gpt2<tiny, norm::Removable, trainable::Nothing> model(backend);
    CHECK_THROWS_AS(require_fixed_norms(model, "export"), ArgumentError);
    CHECK_THROWS_WITH(require_fixed_norms(model, "export"),
                      "export: norm h.0.ln_1 still measures its divisor; fix it first");
    walk(model.layers(), [](const std::string&, auto& node) {
        if constexpr (requires { node.state.foldable(); }) node.state = fixed_at(2);
    });
    CHECK_NOTHROW(require_fixed_norms(model, "export"));
}
