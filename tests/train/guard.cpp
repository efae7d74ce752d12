// SPDX-License-Identifier: MIT
#include <lamina/train/guard.hpp>

#include "support/catch.hpp"
#include "train/tiny_run.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

using namespace lamina_tests;

TEST_CASE("the guard names the tensor that is not finite") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    model.initialise(3);
    model.zero_gradients();
    model.forward_backward(TinyData(4).batch());
    CHECK_FALSE(lamina::train::first_non_finite_gradient(model));
    CHECK_FALSE(lamina::train::first_non_finite_parameter(model));
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.name() == "h.1.attn.c_proj.lora_B") {
            tensor.gradient.data[3] = std::numeric_limits<double>::infinity();
            tensor.values.data[2] = std::numeric_limits<double>::quiet_NaN();
        }
    });
    CHECK(lamina::train::first_non_finite_gradient(model) == std::string("h.1.attn.c_proj.lora_B"));
    CHECK(lamina::train::first_non_finite_parameter(model) == std::string("h.1.attn.c_proj.lora_B"));
}

namespace {

/// Counts what it is asked for by the host.
struct AskedBackend : lamina::CpuBackend {
    std::size_t questions = 0;

    AskedBackend() : CpuBackend({.threads = 1}) {}

    template <class Request>
    decltype(auto) run(const Request& request) {
        if constexpr (!std::is_void_v<lamina::ResultOf<Request>>) ++questions;
        return CpuBackend::run(request);
    }
};
struct Asked {
    using answers = lamina::question::Device;
};

}  // namespace

template <>
struct lamina::BackendOf<Asked> {
    using type = AskedBackend;
};

TEST_CASE("parameters that lie side by side are looked at together") {
    using namespace lamina;
    // Sizes that leave no gap between tensors, as GPT-2's do.
    constexpr Architecture whole{.layers = 3, .heads = 2, .embed = 16, .context = 16, .vocab = 16};
    AskedBackend backend;
    Gpt2<whole, trainable::Everything, adapter::FullRank, precision::Fp32, Asked> model(backend);
    model.initialise(3);
    CHECK_FALSE(train::first_non_finite_parameter(model));
    CHECK(backend.questions == 4);  // embeddings, weights, norms and adapters
    for (const char* const name : {"wte.weight", "h.1.attn.c_proj.lora_B", "h.2.mlp.c_fc.bias", "ln_f.bias"}) {
        bool written = false;
        model.for_each_tensor([&](const auto& tensor) {
            if (tensor.entry.name() != name) return;
            tensor.values.data[tensor.entry.size - 1] = std::numeric_limits<float>::infinity();
            written = true;
        });
        REQUIRE(written);
        CHECK(train::first_non_finite_parameter(model) == std::string(name));
        model.initialise(3);
    }
}

namespace {

/// A model of the concept that keeps its residual stream to itself.
struct WithoutStream : TinyModel {
    using TinyModel::TinyModel;
    void stream(std::size_t) = delete;
};
static_assert(lamina::train::ShowsStream<TinyModel> && !lamina::train::ShowsStream<WithoutStream>);

}  // namespace

TEST_CASE("the guard finds the first part of a model whose output is not finite") {
    lamina::CpuBackend backend({.threads = 1});
    WithoutStream model(backend);
    model.initialise(3);
    TinyModel& shown = model;
    model.layers().blocks[0].get<1>().inner.inner.c_proj.bias.values[2] = std::numeric_limits<double>::infinity();
    model.forward_backward(TinyData(4).batch());
    CHECK(lamina::train::first_non_finite_activation(shown) == std::string("block h.0"));
    CHECK_FALSE(lamina::train::first_non_finite_activation(model));
}

TEST_CASE("a snapshot brings back parameters, moments and norm states bit for bit") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    model.initialise(3);
    const TinyData data(4);
    lamina::train::AdamW<TinyModel> optimiser(model);
    const auto step = [&] {
        model.zero_gradients();
        model.forward_backward(data.batch());
        optimiser.step(model, 1e-2);
    };
    step();
    lamina::train::Snapshot<TinyModel> snapshot;
    CHECK(snapshot.empty());
    snapshot.take(model, optimiser);
    step();
    const std::vector<double> once = trained_values(model);
    step();
    CHECK(trained_values(model) != once);
    snapshot.restore(model, optimiser);
    CHECK(optimiser.updates() == 1);
    step();
    CHECK(trained_values(model) == once);
}
