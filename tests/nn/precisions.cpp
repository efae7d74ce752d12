// SPDX-License-Identifier: MIT
// Models stored in 16 bits: the frozen base alone, which loses little, activations as well, and everything, which loses
// small updates.
#include <cmath>
#include <cstddef>
#include <string>
#include <type_traits>

#include <lamina/removal/removable_norm.hpp>
#include <lamina/train/clipping.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class Precision, class... Ps>
using Model = Gpt2<tiny, Precision, adapter::FullRank, norm::Removable, Ps...>;

template <class Precision, class... Ps>
struct Ready {
    Cpu backend{};
    Model<Precision, Ps...> model{backend};
    Ready() {
        set_parameters(model, 1);
        set_progress(model, Progress::mixed);
        model.zero_gradients();
    }
};

/// GPT-2's block, which does not say that it leaves its gradient rounded: every branch rounds what it reads itself.
struct RoundingBranches : Model<precision::MixedBf16>::Block {
    static constexpr bool rounds_gradient = false;
};

/// One unit in the last place of a bf16 number in [1, 2).
constexpr float ulp = 1.0F / 128;

}  // namespace

TEST_CASE("a frozen base in bf16 trains adapters in float, close to double", "[nn]") {
    Ready<precision::Fp64> exact;
    Ready<precision::FrozenBf16> frozen;
    // The same rounded base in both, so that only arithmetic in float is compared: eps times a depth of some hundreds.
    exact.model.for_each_tensor([](const auto& tensor) {
        for (std::size_t i = 0; i < tensor.entry.size; ++i) {
            if (tensor.entry.role == Role::adapter) {
                tensor.values.data[i] = static_cast<double>(static_cast<float>(tensor.values.data[i]));
            } else {
                tensor.values.data[i] = static_cast<double>(
                    static_cast<float>(static_cast<bf16>(static_cast<float>(tensor.values.data[i]))));
            }
        }
    });
    exact.model.parameters_changed();
    const double expected = exact.model.forward_backward(SampleBatch{}).cross_entropy.mean();
    CHECK(frozen.model.forward_backward(SampleBatch{}).cross_entropy.mean() == Approx(expected).epsilon(1e-5));
    CHECK(relative_difference(gradients_of(frozen.model), gradients_of(exact.model)) <= 1e-4);
    STATIC_REQUIRE(std::is_same_v<Model<precision::FrozenBf16>::Gradient, float>);
}

TEST_CASE("everything in bf16 runs and is within bf16 of double", "[nn]") {
    Ready<precision::Fp64> exact;
    Ready<precision::AllBf16> rounded;
    const double expected = exact.model.forward_backward(SampleBatch{}).cross_entropy.mean();
    const double loss = rounded.model.forward_backward(SampleBatch{}).cross_entropy.mean();
    // Eight bits, a few dozen roundings along the way.
    CHECK(loss == Approx(expected).epsilon(0.05));
    CHECK(loss != Approx(expected).epsilon(1e-7));
    CHECK(relative_difference(gradients_of(rounded.model), gradients_of(exact.model)) <= 0.5);
}

TEMPLATE_TEST_CASE("bf16 products with a stream in float are within bf16 of the float model", "[nn]", execution::Merged,
                   execution::Split, execution::Factored) {
    Ready<precision::FrozenBf16, TestType> in_float;
    Ready<precision::MixedBf16, TestType> mixed;
    using Mixed = Model<precision::MixedBf16, TestType>;
    STATIC_REQUIRE(std::is_same_v<typename Mixed::Scalar, bf16>);
    STATIC_REQUIRE(std::is_same_v<typename Mixed::StreamScalar, float>);
    STATIC_REQUIRE(std::is_same_v<typename Mixed::Gradient, float>);
    const double expected = in_float.model.forward_backward(SampleBatch{}).cross_entropy.mean();
    const double loss = mixed.model.forward_backward(SampleBatch{}).cross_entropy.mean();
    // Along a path through the model some twenty activations are rounded, to less than 2^-9 of themselves in the root
    // mean square, errors of either sign: sqrt(20) · 2^-9 = 0.009, in the gradient once on the way up and once on the way down, through norms that may
    // double it.
    CHECK(loss == Approx(expected).epsilon(0.01));
    CHECK(loss != Approx(expected).epsilon(1e-7));
    CHECK(relative_difference(gradients_of(mixed.model), gradients_of(in_float.model)) <= 0.04);
    // The stream is not rounded: where it enters the first block it is the sum of the embeddings in float.
    CHECK(mixed.model.stream(0).row(0)[0] == in_float.model.stream(0).row(0)[0]);
    CHECK(mixed.model.evaluate(SampleBatch{}).mean() == Approx(expected).epsilon(0.01));
}

TEST_CASE("a model without norms works in bf16 with a stream in float", "[nn]") {
    using Folded = Gpt2<tiny, precision::MixedBf16, norm::Absent, head::UntiedWithBias, trainable::Everything>;
    Cpu backend;
    Folded model(backend);
    set_parameters(model, 3);
    const LossSum loss = model.forward_backward(SampleBatch{}).cross_entropy;
    CHECK(loss.mean() == model.evaluate(SampleBatch{}).mean());
    CHECK(std::isfinite(train::gradient_norm(model)));
    CHECK(train::gradient_norm(model) > 0);
}

TEST_CASE("an update below half a unit in the last place vanishes in bf16 and stays in float", "[nn]") {
    const auto loss_after = [](auto& ready, float step) {
        ready.model.for_each_tensor([&](const auto& tensor) {
            if (tensor.entry.name() != "h.0.mlp.c_fc.lora_A") return;
            using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
            for (std::size_t i = 0; i < tensor.entry.size; ++i) {
                tensor.values.data[i] = static_cast<Scalar>(1.0F);
                tensor.values.data[i] = static_cast<Scalar>(static_cast<float>(tensor.values.data[i]) + step);
            }
        });
        ready.model.parameters_changed();
        return ready.model.evaluate(SampleBatch{}).sum;
    };
    Ready<precision::AllBf16> rounded;
    CHECK(loss_after(rounded, 0.49F * ulp) == loss_after(rounded, 0));
    CHECK(loss_after(rounded, 4 * ulp) != loss_after(rounded, 0));
    Ready<precision::FrozenBf16> frozen;
    CHECK(loss_after(frozen, 0.49F * ulp) != loss_after(frozen, 0));
}

TEST_CASE("a gradient of the stream is rounded by what writes it, to the same bits", "[nn]") {
    using Whole = Model<precision::MixedBf16>;
    using P = Whole::Policies;
    STATIC_REQUIRE(RoundsGradient<Whole::Block>);
    STATIC_REQUIRE_FALSE(RoundsGradient<Model<precision::FrozenBf16>::Block>);
    STATIC_REQUIRE_FALSE(RoundsGradient<RoundingBranches>);
    for (const Progress progress : {Progress::real, Progress::mixed, Progress::fixed}) {
        Cpu backend;
        Whole whole(backend);
        Decoder<tiny, P, RoundingBranches, Whole::FinalNorm> branch_by_branch(backend);
        const auto gradients = [&](auto& model) {
            set_parameters(model, 1);
            set_progress(model, progress);
            model.zero_gradients();
            model.forward_backward(SampleBatch{}, {.auxiliary_weight = 0.1});
            return gradients_of(model);
        };
        CHECK(gradients(whole) == gradients(branch_by_branch));
    }
}
