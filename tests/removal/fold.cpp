// SPDX-License-Identifier: MIT
#include <lamina/removal/fold.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/random.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace lamina;

namespace {

constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

using Removable = Gpt2<tiny, norm::Removable, adapter::FullRank, precision::Fp64>;
using FoldedRemovable = Folded<Removable>;

static_assert(contains_layer_norm<Removable>);
static_assert(!contains_layer_norm<FoldedRemovable>);
static_assert(std::is_same_v<FoldedRemovable, Gpt2<tiny, norm::Absent, head::UntiedWithBias, precision::Fp64>>);
static_assert(std::is_same_v<Folded<Gpt2<tiny, norm::Removable, adapter::FullRank, precision::FrozenBf16>>,
                             Gpt2<tiny, norm::Absent, head::UntiedWithBias>>);

template <class M>
std::vector<RemovableState*> states(M& model) {
    std::vector<RemovableState*> found;
    for_each_state(model.layers(), [&](const std::string&, auto& norm) { found.push_back(&norm.state); });
    return found;
}

/// Adds noise to every parameter, so that none is left at a starting value that hides a mistake.
template <class M>
void perturb(M& model) {
    Random random = Random::stream(11, 0);
    model.for_each_tensor([&](const auto& tensor) {
        using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
        std::vector<Scalar> values(tensor.entry.size);
        model.backend().download(values.data(), tensor.values.data, values.size() * sizeof(Scalar));
        for (Scalar& value : values) {
            const auto noise = static_cast<ComputeOf<Scalar>>(random.uniform(-0.1, 0.1));
            value = static_cast<Scalar>(static_cast<ComputeOf<Scalar>>(value) + noise);
        }
        model.backend().upload(tensor.values.data, values.data(), values.size() * sizeof(Scalar));
    });
    model.parameters_changed();
}

/// Random everywhere, adapters, gains and biases included, every norm fixed with a divisor of its own.
template <class M>
M ready_model(CpuBackend& backend) {
    M model(backend);
    model.initialise(7);
    perturb(model);
    double divisor = 0.6;
    for (RemovableState* const state : states(model)) {
        state->fixed = state->values_fixed = true;
        state->start_at(divisor, divisor);
        divisor += 0.17;
    }
    return model;
}

template <class M>
std::vector<double> logits(M& model) {
    const std::vector<Token> ids{1, 5, 10, 0, 3, 7, 2, 2, 9, 4, 6, 8};
    std::vector<typename M::Compute> out(ids.size() * tiny.vocab);
    model.logits(ids, {.batch = 2, .sequence = 6}, 6, out);
    return {out.begin(), out.end()};
}

double largest_difference(const std::vector<double>& left, const std::vector<double>& right) {
    REQUIRE(left.size() == right.size());
    double largest = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
        const double difference = std::abs(left[i] - right[i]);
        largest = std::isfinite(difference) ? std::max(largest, difference) : std::numeric_limits<double>::infinity();
    }
    return largest;
}

template <class M>
double difference_after_folding() {
    CpuBackend backend({.threads = 1});
    M model = ready_model<M>(backend);
    const std::vector<double> before = logits(model);
    auto folded = fold(std::move(model));
    return largest_difference(before, logits(folded));
}

}  // namespace

// Logits are below 10 and each is a sum over fewer than 100 rounded terms per layer: 1e-10 is a thousand times the
// rounding of double, 1e-4 about ten times that of float.
TEST_CASE("folding keeps the logits to 1e-10 in double under every policy") {
    using precision::Fp64;
    using Lora = adapter::Lora<3, 5>;
    CHECK(difference_after_folding<Removable>() < 1e-10);
    CHECK(difference_after_folding<Gpt2<tiny, Fp64, norm::FixedStd>>() < 1e-10);
    CHECK(difference_after_folding<Gpt2<tiny, Fp64, norm::Removable, Lora, targets::mlp_c_proj>>() < 1e-10);
    CHECK(difference_after_folding<Gpt2<tiny, Fp64, norm::Removable, Lora, execution::Merged>>() < 1e-10);
    CHECK(difference_after_folding<Gpt2<tiny, Fp64, norm::Removable, Lora, execution::Split>>() < 1e-10);
    CHECK(difference_after_folding<Gpt2<tiny, Fp64, norm::Removable, Lora, execution::Factored>>() < 1e-10);
    CHECK(difference_after_folding<Gpt2<tiny, Fp64, norm::Removable, recompute::PerBlock, head::Untied>>() < 1e-10);
    CHECK(difference_after_folding<Gpt2<tiny, Fp64, norm::Removable, head::UntiedWithBias>>() < 1e-10);
}

TEST_CASE("folding keeps the logits to 1e-4 in float") {
    using adapter::FullRank;
    using precision::FrozenBf16;
    CHECK(difference_after_folding<Gpt2<tiny, norm::Removable, FullRank>>() < 1e-4);
    CHECK(difference_after_folding<Gpt2<tiny, norm::Removable, FullRank, FrozenBf16>>() < 1e-4);
    CHECK(difference_after_folding<Gpt2<tiny, norm::Removable, FullRank, FrozenBf16, execution::Split>>() < 1e-4);
    CHECK(difference_after_folding<Gpt2<tiny, norm::Removable, FullRank, FrozenBf16, execution::Factored>>() < 1e-4);
}

TEST_CASE("a folded model trains, and its head does not follow the token embedding") {
    CpuBackend backend({.threads = 1});
    auto folded = fold(ready_model<Removable>(backend));
    const std::vector<Token> inputs{1, 2, 3, 4};
    const std::vector<Token> targets{2, 3, 4, 5};
    folded.zero_gradients();
    folded.forward_backward({inputs, targets, 4});
    CHECK(backend.run(SumOfSquares(folded.gradients(Role::head))) > 0);
    CHECK(Manifest<FoldedRemovable>::parameters_of(Role::norm) == 0);
    CHECK(Manifest<FoldedRemovable>::parameters_of(Role::adapter) == 0);
    CHECK(Manifest<FoldedRemovable>::parameters_of(Role::head) == tiny.vocab * (tiny.embed + 1));
}

TEST_CASE("fold names the norm that it cannot fold, and why, and leaves the model whole") {
    CpuBackend backend({.threads = 1});
    auto model = ready_model<Removable>(backend);
    const std::vector<double> before = logits(model);
    RemovableState& ln_1 = *states(model)[2];
    RemovableState& ln_f = *states(model)[4];
    const auto check_refusal = [&](const std::string& sentence) {
        CHECK_THROWS_WITH(fold(std::move(model)), sentence);
        CHECK_THROWS_AS(fold(std::move(model)), ArgumentError);
    };

    SECTION("the last norm measures") {
        ln_f.fixed = false;
        check_refusal("fold: norm ln_f still measures its divisor; fix it first");
        ln_f.fixed = true;
        CHECK(largest_difference(before, logits(model)) == 0);
    }
    SECTION("only queries and keys are fixed") {
        ln_1.values_fixed = false;
        check_refusal("fold: norm h.1.ln_1 still measures the divisor of its values; fix that path first");
    }
    SECTION("the first position has a divisor of its own") {
        ln_1.first_position_apart = true;
        check_refusal("fold: norm h.1.ln_1 treats the first position apart; merge it with the others first");
        ln_1.merge_first_position();
        CHECK_NOTHROW(fold(std::move(model)));
    }
    SECTION("end-of-text tokens have a divisor of their own") {
        ln_1.end_of_text_apart = true;
        check_refusal("fold: norm h.1.ln_1 treats end-of-text tokens apart; merge them with the others first");
        ln_1.merge_end_of_text();
        CHECK_NOTHROW(fold(std::move(model)));
    }
    SECTION("a divisor is zero") {
        ln_f.divisor = 0;
        check_refusal("fold: norm ln_f divides by 0.000000; expected a positive number");
    }
    SECTION("a divisor is no number") {
        ln_f.divisor = std::numeric_limits<double>::quiet_NaN();
        CHECK_THROWS_AS(fold(std::move(model)), ArgumentError);
    }
}
