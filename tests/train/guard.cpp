// SPDX-License-Identifier: MIT
#include <lamina/train/guard.hpp>

#include <lamina/core/error.hpp>
#include <lamina/train/trainer.hpp>

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

namespace {

/// Has room for so many bytes at a time, and as many of the host.
struct SmallBackend : lamina::CpuBackend {
    std::size_t room = std::size_t{1} << 40U;
    std::size_t host_room = std::size_t{1} << 40U;
    std::vector<std::size_t> allocated{};
    std::vector<std::size_t> host_allocated{};

    SmallBackend() : CpuBackend({.threads = 1}) {}

    [[nodiscard]] Memory allocate(std::size_t bytes) {
        if (bytes > room) throw lamina::Error("no " + std::to_string(bytes) + " bytes");
        allocated.push_back(bytes);
        return CpuBackend::allocate(bytes);
    }
    [[nodiscard]] Memory allocate_host(std::size_t bytes) {
        if (bytes > host_room) throw lamina::Error("no " + std::to_string(bytes) + " bytes of the host");
        host_allocated.push_back(bytes);
        return CpuBackend::allocate_host(bytes);
    }
};
struct Small {
    using answers = lamina::question::Device;
};

}  // namespace

template <>
struct lamina::BackendOf<Small> {
    using type = SmallBackend;
};

namespace {

using SmallModel =
    lamina::Gpt2<toy, lamina::norm::Removable, lamina::adapter::FullRank, lamina::precision::Fp64, Small>;

/// Parameters that train, and two moments of each.
std::size_t changed_bytes(SmallModel& model) {
    std::size_t sum = 0;
    model.for_each_trained_value([&](const auto& tensor) { sum += 3 * tensor.entry.bytes(); });
    return sum;
}

}  // namespace

TEST_CASE("a snapshot is where the parameters are if there is room, or else of the host, or refused") {
    SmallBackend backend;
    SmallModel model(backend);
    model.initialise(3);
    lamina::train::AdamW<SmallModel> optimiser(model);
    const std::size_t bytes = changed_bytes(model);
    const auto take = [&] {
        backend.allocated.clear();
        backend.host_allocated.clear();
        lamina::train::Snapshot<SmallModel> snapshot;
        snapshot.take(model, optimiser);
        snapshot.take(model, optimiser);  // in the same memory
        double* value = nullptr;
        model.for_each_trained_tensor([&](const auto& tensor) { value = tensor.values.data; });
        const double before = *value;
        *value = 7;
        snapshot.restore(model, optimiser);
        CHECK(*value == before);
    };
    take();
    CHECK(backend.allocated == std::vector<std::size_t>{bytes, bytes / 8});  // the latter is given back at once
    CHECK(backend.host_allocated.empty());
    backend.room = bytes - 1;
    take();
    CHECK(backend.host_allocated == std::vector<std::size_t>{bytes});
    backend.host_room = bytes - 1;
    CHECK_THROWS_WITH(take(), "no " + std::to_string(bytes) +
                                  " bytes of the host; it is for the copy of what a step changes that NonFinite::skip "
                                  "and ::roll_back keep, which did not fit on the device either; use NonFinite::stop, "
                                  "which keeps none");
}

TEST_CASE("the first snapshot of a run leaves the passes the memory that they need") {
    SmallBackend backend;
    SmallModel model(backend);
    model.initialise(3);
    const TinyData data(4);
    lamina::train::Trainer<SmallModel> trainer(model, [](std::size_t) { return 1e-2; },
                                               {.non_finite = lamina::train::NonFinite::skip});
    backend.allocated.clear();
    trainer.step([&] { return data.batch(); });
    const std::size_t bytes = changed_bytes(model);
    REQUIRE(backend.allocated.size() > 2);
    CHECK(std::vector<std::size_t>(backend.allocated.end() - 2, backend.allocated.end()) ==
          std::vector<std::size_t>{bytes, bytes / 8});
    const std::size_t allocations = backend.allocated.size();
    trainer.step([&] { return data.batch(); });
    CHECK(backend.allocated.size() == allocations);
}
