// SPDX-License-Identifier: MIT
#include <lamina/nn/layer_factors.hpp>

#include <cstddef>
#include <string>

#include "nn/renamed_linear.hpp"
#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

/// How many weights have factors, each [In, R] and [R, Out].
template <class M>
std::size_t weights_with_factors(std::size_t rank) {
    Cpu backend({.threads = 1});
    M model(backend);
    const LayerFactors<M> factors(model);
    std::size_t found = 0;
    model.for_each_tensor([&](const auto& tensor) {
        const auto* const of_layer = factors.of_weight(tensor.entry);
        if (of_layer == nullptr) return;
        INFO(tensor.entry.name());
        CHECK((of_layer->a.rows == tensor.values.rows && of_layer->a.cols == rank));
        CHECK((of_layer->b.rows == rank && of_layer->b.cols == tensor.values.cols));
        ++found;
    });
    return found;
}

}  // namespace

TEST_CASE("each adapted matrix has the factors of its own layer, whatever their names are", "[nn]") {
    CHECK(weights_with_factors<Gpt2<tiny, adapter::Lora<3>>>(3) == 4 * tiny.layers);
    CHECK(weights_with_factors<Gpt2<tiny, adapter::Lora<3>, targets::c_attn>>(3) == tiny.layers);
    CHECK(weights_with_factors<Gpt2<tiny, adapter::Lora<3>, precision::AllBf16>>(3) == 4 * tiny.layers);
    CHECK(weights_with_factors<RenamedModel<Policies<adapter::Lora<2>>>>(2) == renamed_size.layers);
    CHECK(weights_with_factors<Gpt2<tiny>>(1) == 0);

    Cpu backend({.threads = 1});
    Gpt2<tiny, adapter::Lora<3>> model(backend);
    const LayerFactors<decltype(model)> factors(model);
    auto& second = model.layers().blocks[1].get<1>().inner.inner.c_fc;
    model.for_each_tensor([&](const auto& tensor) {
        if (tensor.entry.name() != "h.1.mlp.c_fc.weight") return;
        CHECK(factors.of_weight(tensor.entry)->a.data == second.adapter.a.values.data);
        CHECK(factors.of_weight(tensor.entry)->b.data == second.adapter.b.values.data);
    });
}
