// SPDX-License-Identifier: MIT
#include <lamina/nn/run/parameter_store.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

using P = Policies<adapter::Lora<2>, precision::FrozenBf16, trainable::Roles<Role::adapter, Role::norm>>;
using Block = Gpt2Block<Architecture{2, 2, 8, 6, 11}, P>;
using Cpu = BackendFor<device::Cpu>;
using Store = ParameterStore<Block, float, Cpu>;
using Table = Manifest<Block>;

constexpr std::size_t products = (8 * 24 + 8 * 8 + 8 * 32 + 32 * 8) * sizeof(float);
static_assert(derived_bytes<Block>() == 2 * products, "W + A·B and its gradient");
static_assert(derived_bytes<std::array<Block, 3>>() == 3 * derived_bytes<Block>());
static_assert(derived_bytes<Gpt2Block<Architecture{2, 2, 8, 6, 11}, Policies<>>>() == 0);

struct Bound {
    Cpu backend{};
    Block block{};
    Store store{backend, block};
};

}  // namespace

TEST_CASE("each role is one region with its tensors where the manifest says", "[nn]") {
    Bound bound;
    std::byte* weights = nullptr;
    std::byte* adapters = nullptr;
    std::size_t place = 0;
    for_each_parameter(bound.block, [&](const std::string& name, auto& parameter) {
        INFO(name);
        const TensorEntry& entry = Table::entries.at(place++);
        auto* const here = reinterpret_cast<std::byte*>(parameter.values.data);
        CHECK(reinterpret_cast<std::uintptr_t>(here) % tensor_alignment == 0);
        if (entry.role == Role::weight) {
            if (weights == nullptr) weights = here;
            CHECK(here == weights + entry.offset);
        }
        if (entry.role == Role::adapter) {
            if (adapters == nullptr) adapters = here;
            CHECK(here == adapters + entry.offset);
            CHECK(parameter.gradient.data == bound.store.gradients(Role::adapter).data + entry.gradient_offset);
        }
        CHECK((!parameter.gradient.empty()) == parameter.trains);
    });
}

TEST_CASE("values and gradients start as zeros", "[nn]") {
    Bound bound;
    for_each_parameter(bound.block, [&](const std::string&, auto& parameter) {
        for (std::size_t i = 0; i < parameter.size; ++i) REQUIRE(static_cast<float>(parameter.values[i]) == 0);
    });
    const MatrixView<float> gradients = bound.store.gradients(Role::norm);
    for (std::size_t i = 0; i < gradients.size(); ++i) REQUIRE(gradients.data[i] == 0);
}

TEST_CASE("the gradients of a role are one row, those of a frozen role none", "[nn]") {
    Bound bound;
    CHECK(bound.store.gradients(Role::weight).empty());
    const MatrixView<float> adapters = bound.store.gradients(Role::adapter);
    CHECK((adapters.rows == 1 && adapters.cols == Table::gradient_elements_of(Role::adapter)));
}

TEST_CASE("zeroing gradients clears accumulators too and nothing that was materialised", "[nn]") {
    Bound bound;
    for_each_node<AnyDerived>(bound.block, [](auto& derived) {
        for (std::size_t i = 0; i < derived.size; ++i) derived.values[i] = 3;
    });
    const MatrixView<float> gradients = bound.store.gradients(Role::adapter);
    for (std::size_t i = 0; i < gradients.size(); ++i) gradients.data[i] = 3;
    bound.store.zero_gradients(bound.backend, bound.block);
    for (std::size_t i = 0; i < gradients.size(); ++i) REQUIRE(gradients.data[i] == 0);
    for_each_node<AnyDerived>(bound.block, [](auto& derived) {
        const float expected = derived.kind == DerivedKind::accumulator ? 0 : 3;
        for (std::size_t i = 0; i < derived.size; ++i) REQUIRE(derived.values[i] == expected);
    });
}

TEST_CASE("the bytes of a store are those of its regions", "[nn]") {
    STATIC_REQUIRE(Store::bytes() ==
                   derived_bytes<Block>() + Table::bytes_of(Role::weight) + Table::bytes_of(Role::norm) +
                       Table::bytes_of(Role::adapter) +
                       (Table::gradient_elements_of(Role::norm) + Table::gradient_elements_of(Role::adapter)) *
                           sizeof(float));
}

TEST_CASE("streamed gradients are formed in one place, layer by layer, for those who ask for them", "[nn]") {
    using Streaming = Policies<adapter::Lora<2>, precision::FrozenBf16, trainable::Roles<Role::adapter, Role::norm>,
                               gradients::Streamed>;
    using Layers = Gpt2Block<Architecture{2, 2, 8, 6, 11}, Streaming>;
    using StreamingStore = ParameterStore<Layers, float, Cpu>;
    Cpu backend;
    Layers block;
    StreamingStore store(backend, block);
    // None of the factors has more than 64 elements, so A and B of every layer take 64 places each.
    STATIC_REQUIRE(Manifest<Layers>::streamed_gradient_elements == 128);
    STATIC_REQUIRE(Store::bytes() - StreamingStore::bytes() == (8 * 64 - 128) * sizeof(float));
    CHECK(store.gradients(Role::adapter).empty());
    CHECK(store.gradients(Role::norm).size() == 4 * 64);

    const auto fill = [&](float value) {
        store.for_each_tensor([&](const auto& tensor) {
            CHECK(tensor.gradient.empty() == (tensor.entry.role != Role::norm));
            backend.run(Fill(tensor.values, value));
        });
        for_each_node<AnyDerived>(block, [&](auto& derived) { backend.run(Fill(derived.values, value)); });
    };
    fill(0.5F);
    // With every number 1/2, the elements of dA are Out / 4 and those of dB are In / 4.
    const auto check = [&](std::size_t expected_tensors, float factor) {
        std::size_t tensors = 0;
        store.for_each_trained_tensor(backend, block, [&](const auto& tensor) {
            INFO(tensor.entry.name());
            if (tensor.entry.role != Role::adapter) return;
            ++tensors;
            const bool is_a = tensor.entry.name().ends_with("lora_A");
            const std::string layer = tensor.entry.name().substr(0, tensor.entry.name().find(".lora"));
            const std::size_t in = layer == "mlp.c_proj" ? 32 : 8;
            const std::size_t out = layer == "attn.c_attn" ? 24 : layer == "mlp.c_fc" ? 32 : 8;
            REQUIRE(tensor.gradient.size() == tensor.entry.size);
            for (std::size_t i = 0; i < tensor.entry.size; ++i) {
                REQUIRE(tensor.gradient.data[i] == factor * static_cast<float>(is_a ? out : in) / 4);
            }
            // What an optimiser does to A must not be seen in B's gradient.
            backend.run(Fill(tensor.values, 9.0F));
        });
        CHECK(tensors == expected_tensors);
    };
    check(8, 1);
    fill(0.5F);
    check(8, 1);
    std::size_t visited = 0;
    store.for_each_trained_value([&](const auto& tensor) {
        CHECK(tensor.gradient.empty());
        CHECK(tensor.entry.trains);
        ++visited;
    });
    CHECK(visited == 8 + 4);
    fill(0.5F);
    store.zero_gradients(backend, block);
    check(8, 0);
}
