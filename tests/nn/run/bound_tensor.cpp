// SPDX-License-Identifier: MIT
#include <lamina/nn/run/bound_tensor.hpp>

#include <cstddef>
#include <type_traits>
#include <vector>

#include <lamina/arch/visit.hpp>
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

constexpr Architecture tiny{2, 2, 8, 6, 11};
using Model = Gpt2<tiny, adapter::Lora<2>, precision::FrozenBf16, trainable::Roles<Role::adapter, Role::norm>>;

static_assert(std::is_same_v<BoundTensor<bf16, float>::Scalar, bf16>);
static_assert(std::is_same_v<BoundTensor<bf16, float>::Gradient, float>);

}  // namespace

TEST_CASE("the tensors of a model are its parameters, in the order of the manifest", "[nn]") {
    CpuBackend backend({.threads = 1});
    Model model(backend);
    std::vector<const void*> values;
    std::vector<const float*> gradients;
    for_each_parameter(model.layers(), [&](const std::string&, auto& parameter) {
        values.push_back(parameter.values.data);
        gradients.push_back(parameter.gradient.data);
    });
    std::size_t place = 0;
    model.for_each_tensor([&](const auto& tensor) {
        using Tensor = std::remove_cvref_t<decltype(tensor)>;
        INFO(tensor.entry.name());
        CHECK(&tensor.entry == &Manifest<Model>::entries.at(place));
        CHECK(tensor.values.data == values.at(place));
        CHECK(tensor.gradient.data == gradients.at(place));
        CHECK(tensor.values.size() == tensor.entry.size);
        CHECK(tensor.gradient.size() == (tensor.entry.trains ? tensor.entry.size : 0));
        CHECK(scalar_type_of<typename Tensor::Scalar> == tensor.entry.type);
        ++place;
    });
    CHECK(place == values.size());
}

TEST_CASE("the trained tensors are those of the roles that train", "[nn]") {
    CpuBackend backend({.threads = 1});
    Model model(backend);
    std::size_t elements = 0;
    model.for_each_trained_tensor([&](const auto& tensor) {
        CHECK((tensor.entry.role == Role::adapter || tensor.entry.role == Role::norm));
        elements += tensor.entry.size;
    });
    CHECK(elements == Manifest<Model>::trainable_parameters);
}
