// SPDX-License-Identifier: MIT
#include <lamina/nn/initialise.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

constexpr Architecture small{.layers = 2, .heads = 4, .embed = 64, .context = 32, .vocab = 100};
using Cpu = BackendFor<device::Cpu>;

struct Moments {
    double mean = 0;
    double deviation = 0;
};

Moments moments_of(const float* values, std::size_t size) {
    double sum = 0;
    double squares = 0;
    for (std::size_t i = 0; i < size; ++i) {
        sum += static_cast<double>(values[i]);
        squares += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    }
    const double n = static_cast<double>(size);
    return {sum / n, std::sqrt(squares / n - sum * sum / (n * n))};
}

/// Within five standard errors of N(0, deviation²).
bool looks_normal(const Moments& found, double deviation, std::size_t size) {
    const double n = static_cast<double>(size);
    return std::abs(found.mean) < 5 * deviation / std::sqrt(n) &&
           std::abs(found.deviation - deviation) < 5 * deviation / std::sqrt(2 * n);
}

bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

template <class Model>
std::vector<std::vector<float>> values_of(Model& model) {
    std::vector<std::vector<float>> all;
    model.for_each_tensor(
        [&](const auto& tensor) { all.emplace_back(tensor.values.data, tensor.values.data + tensor.entry.size); });
    return all;
}

}  // namespace

TEST_CASE("a fresh GPT-2 has the published distribution in every tensor", "[nn]") {
    Cpu backend;
    Gpt2<small> model(backend);
    model.initialise(1);
    std::size_t matrices = 0;
    model.for_each_tensor([&](const auto& tensor) {
        const std::string name = tensor.entry.name();
        INFO(name);
        const Moments found = moments_of(tensor.values.data, tensor.entry.size);
        if (tensor.values.rows > 1) {
            const double deviation = ends_with(name, "c_proj.weight") ? 0.02 / 2 : 0.02;  // sqrt(2·L) is 2
            CHECK(looks_normal(found, deviation, tensor.entry.size));
            ++matrices;
        } else {
            CHECK(found.mean == (ends_with(name, "weight") ? 1 : 0));
            CHECK(found.deviation == 0);
        }
    });
    CHECK(matrices == 2 + 2 * 4);
}

TEST_CASE("a full-rank adapter starts as the identity and zero", "[nn]") {
    Cpu backend;
    Linear<5, 7, Policies<adapter::FullRank>> layer;
    ParameterStore<decltype(layer), float, Cpu> store(backend, layer);
    initialise_parameters(store, backend, 1, 1);
    for (std::size_t r = 0; r < 5; ++r) {
        for (std::size_t c = 0; c < 5; ++c) CHECK(layer.adapter.a.values(r, c) == (r == c ? 1.0F : 0.0F));
    }
    for (std::size_t i = 0; i < layer.adapter.b.size; ++i) CHECK(layer.adapter.b.values[i] == 0);
}

TEST_CASE("a low-rank adapter starts uniform within one over the root of its rank, and zero", "[nn]") {
    Cpu backend;
    Linear<512, 3, Policies<adapter::Lora<16>>> layer;
    ParameterStore<decltype(layer), float, Cpu> store(backend, layer);
    initialise_parameters(store, backend, 1, 1);
    double largest = 0;
    for (std::size_t i = 0; i < layer.adapter.a.size; ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(layer.adapter.a.values[i])));
    }
    CHECK(largest <= 0.25);
    CHECK(largest > 0.249);
    // A uniform distribution on ±1/4 has deviation 1/(4·sqrt 3), known here to 0.5 %.
    CHECK(moments_of(layer.adapter.a.values.data, layer.adapter.a.size).deviation == Approx(0.144338).epsilon(0.03));
    CHECK(moments_of(layer.adapter.b.values.data, layer.adapter.b.size).deviation == 0);
}

TEST_CASE("the same seed gives the same model, another seed another one", "[nn]") {
    Cpu backend;
    Gpt2<small> model(backend);
    model.initialise(1);
    const auto first = values_of(model);
    model.initialise(2);
    CHECK(values_of(model) != first);
    model.initialise(1);
    CHECK(values_of(model) == first);
}

TEST_CASE("initialising the adapters leaves everything else alone", "[nn]") {
    Cpu backend;
    Gpt2<small, adapter::Lora<2>> model(backend);
    model.initialise(1);
    const auto before = values_of(model);
    model.initialise(2, Which::adapters);
    std::size_t place = 0;
    model.for_each_tensor([&](const auto& tensor) {
        const std::string name = tensor.entry.name();
        INFO(name);
        const std::vector<float> now(tensor.values.data, tensor.values.data + tensor.entry.size);
        CHECK((now != before.at(place)) == ends_with(name, "lora_A"));
        ++place;
    });
}

TEST_CASE("starting values are rounded to the stored type", "[nn]") {
    Cpu backend;
    LayerNorm<3, Policies<precision::AllBf16>> norm;
    ParameterStore<decltype(norm), bf16, Cpu> store(backend, norm);
    initialise_parameters(store, backend, 1, 1);
    CHECK(static_cast<float>(norm.gain.values[2]) == 1.0F);
}
