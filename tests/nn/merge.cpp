// SPDX-License-Identifier: MIT
#include <lamina/nn/merge.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lamina/core/random.hpp>

#include "nn/renamed_linear.hpp"
#include "nn/taken_over.hpp"
#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

// Nothing of the adapter stays: neither where it was, nor how it was applied or trained.
static_assert(std::is_same_v<Merged<Gpt2<tiny, adapter::Lora<4>, targets::c_attn>>, Gpt2<tiny>>);
static_assert(std::is_same_v<Merged<Gpt2<tiny, adapter::FullRank, execution::Split, gradients::Streamed,
                                         trainable::Roles<Role::adapter, Role::norm>>>,
                             Gpt2<tiny>>);
static_assert(
    std::is_same_v<
        Merged<Gpt2<tiny, norm::Removable, head::Untied, adapter::Lora<2>, precision::FrozenBf16, recompute::PerBlock>,
               trainable::Nothing>,
        Gpt2<tiny, norm::Removable, head::Untied, precision::FrozenBf16, recompute::PerBlock, trainable::Nothing>>);
static_assert(std::is_same_v<Merged<Gpt2<tiny, adapter::Lora<2>, precision::FrozenBf16>, precision::Fp32>, Gpt2<tiny>>);

/// The largest difference between the logits of a model and of the one that it is merged into.
template <class From, class... Ps>
double difference_of_merged() {
    Cpu backend({.threads = 1});
    From lora(backend);
    set_parameters(lora, 1);
    const auto expected = logits_of(lora);
    auto plain = merge<Ps...>(std::move(lora));
    const auto found = logits_of(plain);
    double worst = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i])));
    }
    return worst;
}

}  // namespace

TEST_CASE("a merged model gives the bits of one whose adapters are merged once per step", "[nn]") {
    CHECK(difference_of_merged<Gpt2<tiny, adapter::Lora<4>, precision::Fp64>>() == 0);
    CHECK(difference_of_merged<Gpt2<tiny, adapter::Lora<3, 5>, targets::c_attn, precision::Fp64>>() == 0);
    CHECK(difference_of_merged<Gpt2<tiny, adapter::FullRank, head::UntiedWithBias>>() == 0);
    CHECK(difference_of_merged<Gpt2<tiny, adapter::Lora<4>, norm::RmsNorm>>() == 0);
}

TEST_CASE("a merged model gives the logits of one that applies its adapters otherwise", "[nn]") {
    // Logits of size 1 are sums of some hundred products, which the two round in different orders.
    const double bar = 10 * std::sqrt(100.0) * 2.3e-16;
    CHECK(difference_of_merged<Gpt2<tiny, adapter::Lora<4>, execution::Factored, precision::Fp64>>() < bar);
    CHECK(difference_of_merged<Gpt2<tiny, adapter::Lora<3, 5>, execution::Split, precision::Fp64>>() < bar);
    using Adapted = RenamedModel<Policies<precision::Fp64, adapter::Lora<3>, execution::Factored>>;
    CHECK(difference_of_merged<Adapted, RenamedModel<Policies<precision::Fp64>>>() < bar);
}

TEST_CASE("merging adds scale A B to the weights that have adapters and copies the rest", "[nn]") {
    using Lora = Gpt2<tiny, adapter::Lora<2, 4>, targets::c_fc, precision::FrozenBf16>;
    Cpu backend({.threads = 1});
    Lora lora(backend);
    // Small multiples of 1/8, whose sums and products a bf16 holds.
    Random random{7};
    lora.for_each_tensor([&](const auto& tensor) {
        using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
        const double unit = tensor.entry.role == Role::adapter ? 0.5 : 0.125;
        for (std::size_t i = 0; i < tensor.entry.size; ++i) {
            tensor.values.data[i] =
                static_cast<Scalar>(static_cast<float>(unit * (static_cast<double>(random.below(5)) - 2)));
        }
    });
    lora.parameters_changed();
    Values expected = values_of(lora);
    auto plain = merge(std::move(lora));

    for (const std::string layer : {"h.0.mlp.c_fc.", "h.1.mlp.c_fc."}) {
        const std::vector<double>& a = expected.at(layer + "lora_A");  // [8, 2]
        const std::vector<double>& b = expected.at(layer + "lora_B");  // [2, 32]
        std::vector<double>& weight = expected.at(layer + "weight");   // [8, 32]
        for (std::size_t i = 0; i < weight.size(); ++i) {
            for (std::size_t k = 0; k < 2; ++k) weight[i] += 2 * a[i / 32 * 2 + k] * b[k * 32 + i % 32];
        }
        expected.erase(layer + "lora_A");
        expected.erase(layer + "lora_B");
    }
    CHECK(values_of(plain) == expected);
}

TEST_CASE("a merged model keeps the states of its norms and what ends a text", "[nn]") {
    using Removing = Gpt2<tiny, norm::Removable, adapter::Lora<4>, precision::Fp64>;
    Cpu backend({.threads = 1});
    Removing lora(backend);
    set_parameters(lora, 1);
    set_progress(lora, Progress::mixed);
    const auto expected = logits_of(lora);
    auto plain = merge(std::move(lora));
    CHECK(plain.end_of_text() == end_of_text);
    CHECK(logits_of(plain) == expected);
    CHECK_FALSE(plain.has_gradients());
}
