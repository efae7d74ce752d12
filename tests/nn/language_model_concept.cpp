// SPDX-License-Identifier: MIT
#include <lamina/nn/language_model_concept.hpp>

#include <cstdint>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

/// Everything that training, files and evaluation ask of a model, nothing more.
struct SmallestModel {
    struct Layers {};
    struct Policies {
        using Moment = float;
    };
    struct Backend {};
    static constexpr Architecture architecture{1, 1, 1, 1, 1};
    Layers& layers();
    template <class F>
    void for_each_tensor(const F&);
    template <class F>
    void for_each_trained_tensor(const F&);
    template <class F>
    void for_each_trained_value(const F&);
    Backend& backend();
    LossSum evaluate(const TokenBatch&);
    StepLoss forward_backward(const TokenBatch&, MicroBatch = {});
    MatrixView<float> gradients(Role);
    bool has_gradients() const;
    void zero_gradients();
    void complete_gradients();
    void parameters_changed();
    void initialise(std::uint64_t);
};
static_assert(LanguageModel<SmallestModel>);

struct WithoutLayers : SmallestModel {
    void layers() = delete;
};
struct LayersByValue : SmallestModel {
    Layers layers();
};
struct WithoutTensors : SmallestModel {
    void for_each_tensor() = delete;
};
struct WithoutTrainedTensors : SmallestModel {
    void for_each_trained_tensor() = delete;
};
struct WithoutTrainedValues : SmallestModel {
    void for_each_trained_value() = delete;
};
struct WithoutEvaluate : SmallestModel {
    void evaluate() = delete;
};
struct EvaluatesToDouble : SmallestModel {
    double evaluate(const TokenBatch&);
};
struct WithoutForwardBackward : SmallestModel {
    void forward_backward() = delete;
};
struct ForwardBackwardWithoutShares : SmallestModel {
    StepLoss forward_backward(const TokenBatch&);
};
struct ForwardBackwardWithoutLoss : SmallestModel {
    void forward_backward(const TokenBatch&, MicroBatch = {});
};
struct WithoutGradients : SmallestModel {
    void gradients() = delete;
};
struct GradientsAsPointer : SmallestModel {
    float* gradients(Role);
};
struct WithoutCompleteGradients : SmallestModel {
    void complete_gradients() = delete;
};
struct WithoutHasGradients : SmallestModel {
    void has_gradients() const = delete;
};
struct WithoutMoment : SmallestModel {
    struct Policies {};
};
struct WithoutZeroGradients : SmallestModel {
    void zero_gradients(int) = delete;
};
struct WithoutArchitecture : SmallestModel {
    struct architecture {};
};
static_assert(!LanguageModel<WithoutLayers> && !LanguageModel<LayersByValue>);
static_assert(!LanguageModel<WithoutTensors> && !LanguageModel<WithoutTrainedTensors>);
static_assert(!LanguageModel<WithoutTrainedValues>);
static_assert(!LanguageModel<WithoutEvaluate> && !LanguageModel<EvaluatesToDouble>);
static_assert(!LanguageModel<WithoutForwardBackward> && !LanguageModel<ForwardBackwardWithoutShares>);
static_assert(!LanguageModel<ForwardBackwardWithoutLoss> && !LanguageModel<WithoutCompleteGradients>);
static_assert(!LanguageModel<WithoutGradients> && !LanguageModel<GradientsAsPointer>);
static_assert(!LanguageModel<WithoutMoment> && !LanguageModel<WithoutHasGradients>);
static_assert(!LanguageModel<WithoutZeroGradients> && !LanguageModel<WithoutArchitecture>);

}  // namespace

TEST_CASE("GPT-2 and a decoder of other parts are language models, a layer is none", "[nn]") {
    constexpr Architecture tiny{2, 2, 8, 6, 11};
    using P = Policies<norm::RmsNorm>;
    STATIC_REQUIRE(LanguageModel<Gpt2<tiny>>);
    STATIC_REQUIRE(LanguageModel<Gpt2<gpt2_xl, adapter::FullRank, norm::Removable, precision::FrozenBf16>>);
    STATIC_REQUIRE(LanguageModel<Decoder<tiny, P, Residual<Mlp<8, 16, P>>>>);
    STATIC_REQUIRE(!LanguageModel<Gpt2Block<tiny, P>>);
}
