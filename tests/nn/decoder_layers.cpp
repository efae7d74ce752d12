// SPDX-License-Identifier: MIT
#include <lamina/nn/decoder_layers.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace lamina;

namespace {

constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

template <class... Ps>
std::vector<std::string> parameters_outside_blocks() {
    std::vector<std::string> names;
    typename Gpt2<tiny, Ps...>::Layers layers;
    for_each_parameter(layers, [&](const std::string& name, auto&) {
        if (!name.starts_with("h.")) names.push_back(name);
    });
    return names;
}

}  // namespace

TEST_CASE("embeddings come first and the head last, where it is the model's own") {
    using Names = std::vector<std::string>;
    CHECK(parameters_outside_blocks<>() == Names{"wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias"});
    CHECK(parameters_outside_blocks<norm::Absent, head::UntiedWithBias>() ==
          Names{"wte.weight", "wpe.weight", "lm_head.weight", "lm_head.bias"});
}

TEST_CASE("a tied head is the token table, with its gradient where that trains") {
    CpuBackend backend({.threads = 1});
    Gpt2<tiny> model(backend);
    auto& layers = model.layers();
    CHECK(layers.frozen_head().weight.data == layers.token_table.values.data);
    CHECK((layers.frozen_head().d_weight.empty() && layers.frozen_head().bias.empty()));
    CHECK(layers.training_head().d_weight.data == layers.token_table.gradient.data);
    Gpt2<tiny, trainable::Roles<Role::norm>> others(backend);
    CHECK(others.layers().training_head().d_weight.empty());
}

TEST_CASE("a head of the model's own has its own weight and bias, with gradients where it trains") {
    CpuBackend backend({.threads = 1});
    Gpt2<tiny, head::UntiedWithBias> model(backend);
    auto& layers = model.layers();
    const auto head = layers.training_head();
    CHECK((head.weight.data == layers.head_weight.weight.values.data && head.weight.rows == tiny.vocab));
    CHECK(head.d_weight.data == layers.head_weight.weight.gradient.data);
    CHECK((head.bias.data == layers.head_bias.bias.values.data && !head.d_bias.empty()));
    Gpt2<tiny, head::UntiedWithBias, trainable::Roles<Role::norm>> others(backend);
    CHECK((others.layers().training_head().d_weight.empty() && others.layers().training_head().d_bias.empty()));
}
