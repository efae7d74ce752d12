// SPDX-License-Identifier: MIT
#include <lamina/io/detail/merged_weights.hpp>

#include <lamina/backend/cpu/device.hpp>

#include "nn/renamed_linear.hpp"
#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <string>
#include <vector>

using namespace lamina;
using namespace lamina_tests;

TEST_CASE("a weight without adapter is given as it is") {
    using Model = Gpt2<tiny, adapter::Lora<2>, targets::c_attn, precision::Fp64>;
    Cpu backend;
    Model model(backend);
    set_parameters(model, 5);
    const io::detail::ValueSources sources = io::detail::merged_weights(model);
    const auto& mlp = model.layers().blocks[1].get<1>().inner.inner;
    CHECK(
        sources.at("h.1.mlp.c_fc.weight")() ==
        std::vector<double>(mlp.c_fc.weight.values.data, mlp.c_fc.weight.values.data + mlp.c_fc.weight.values.size()));
    const auto& attention = model.layers().blocks[1].get<0>().inner.inner;
    CHECK(sources.at("h.1.attn.c_attn.weight")().front() != attention.c_attn.weight.values[0]);
}

TEST_CASE("a weight is merged with the factors of its own layer, whatever they are called") {
    using Model = RenamedModel<Policies<adapter::Lora<2, 6>, precision::Fp64>>;
    Cpu backend;
    Model model(backend);
    set_parameters(model, 5);
    const io::detail::ValueSources sources = io::detail::merged_weights(model);
    REQUIRE(sources.size() == renamed_size.layers);
    constexpr std::size_t width = renamed_size.embed;
    for (std::size_t block = 0; block < renamed_size.layers; ++block) {
        const auto& mixer = model.layers().blocks[block].inner;
        const std::vector<double> merged = sources.at("h." + std::to_string(block) + ".mixer.bias_mixer")();
        REQUIRE(merged.size() == width * width);
        for (std::size_t i = 0; i < width; ++i) {
            for (std::size_t j = 0; j < width; ++j) {
                double expected = mixer.weight.values(i, j);
                for (std::size_t k = 0; k < 2; ++k) {
                    expected += 3 * mixer.adapter.a.values(i, k) * mixer.adapter.b.values(k, j);
                }
                CHECK(merged[i * width + j] == Approx(expected).epsilon(1e-13));  // three roundings of numbers below 1
            }
        }
    }
}
