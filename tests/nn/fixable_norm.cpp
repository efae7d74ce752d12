// SPDX-License-Identifier: MIT
#include <lamina/nn/fixable_norm.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "support/catch.hpp"

#include <string>

using namespace lamina;

namespace {

constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

static_assert(HasFixableNorms<Gpt2<tiny, norm::Removable, adapter::FullRank, precision::Fp64>>);
static_assert(HasFixableNorms<Gpt2<tiny, norm::FixedStd>>);
static_assert(!HasFixableNorms<Gpt2<tiny>>);
static_assert(!HasFixableNorms<Gpt2<tiny, norm::RmsNorm>>);
static_assert(!HasFixableNorms<Gpt2<tiny, norm::DynamicTanh>>);
static_assert(!HasFixableNorms<Gpt2<tiny, norm::Absent, head::UntiedWithBias>>, "there is nothing left to replace");
static_assert(!HasFixableNorms<Decoder<tiny, Policies<norm::Removable>, LayerNorm<8, Policies<>>>>);
static_assert(!HasFixableNorms<int>);

static_assert(FixableNorm<NormFor<Policies<norm::Removable>, 8>> && FixableNorm<NormFor<Policies<norm::FixedStd>, 8>>);
static_assert(!FixableNorm<NormFor<Policies<>, 8>>);

}  // namespace

TEST_CASE("the first norm that still measures is named, after who asked") {
    CpuBackend backend({.threads = 1});
    Gpt2<tiny, norm::Removable, trainable::Nothing> model(backend);
    CHECK_THROWS_AS(require_fixed_norms(model, "export"), ArgumentError);
    CHECK_THROWS_WITH(require_fixed_norms(model, "export"),
                      "export: norm h.0.ln_1 still measures its divisor; fix it first");
    for_each_fixable_norm(model, [](const std::string&, auto& norm) { norm.divide_by(2); });
    CHECK_NOTHROW(require_fixed_norms(model, "export"));
}

TEST_CASE("the first norm that divides by a constant is named, be it on one path only") {
    CpuBackend backend({.threads = 1});
    Gpt2<tiny, norm::Removable, trainable::Nothing> model(backend);
    CHECK_FALSE(first_fixed_norm(model));
    model.layers().final_norm.divide_by(3);
    CHECK(first_fixed_norm(model) == "ln_f");
    for_each_fixable_norm(model, [](const std::string& path, auto& norm) {
        if (path == "h.1.ln_1") norm.state.values_fixed = true;
    });
    CHECK(first_fixed_norm(model) == "h.1.ln_1");
    Gpt2<tiny, trainable::Nothing> plain(backend);
    CHECK_FALSE(first_fixed_norm(plain));
}
