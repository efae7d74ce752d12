// SPDX-License-Identifier: MIT
#include <lamina/nn/parameter_store.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

using P = Policies<adapter::Lora<2>, precision::FrozenBf16, trainable::AdaptersAndNorms>;
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
        auto* const here = reinterpret_cast<std::byte*>(parameter.values);
        CHECK(reinterpret_cast<std::uintptr_t>(here) % tensor_alignment == 0);
        if (entry.role == Role::weight) {
            if (weights == nullptr) weights = here;
            CHECK(here == weights + entry.offset);
        }
        if (entry.role == Role::adapter) {
            if (adapters == nullptr) adapters = here;
            CHECK(here == adapters + entry.offset);
            CHECK(parameter.gradient == bound.store.gradients(Role::adapter).data + entry.gradient_offset);
        }
        CHECK((parameter.gradient != nullptr) == parameter.trains);
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
    for_each_derived(bound.block, [](auto& derived) {
        for (std::size_t i = 0; i < derived.size; ++i) derived.values[i] = 3;
    });
    const MatrixView<float> gradients = bound.store.gradients(Role::adapter);
    for (std::size_t i = 0; i < gradients.size(); ++i) gradients.data[i] = 3;
    bound.store.zero_gradients(bound.backend, bound.block);
    for (std::size_t i = 0; i < gradients.size(); ++i) REQUIRE(gradients.data[i] == 0);
    for_each_derived(bound.block, [](auto& derived) {
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
