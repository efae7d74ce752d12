// SPDX-License-Identifier: MIT
#include <lamina/nn/adapt.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/renamed_linear.hpp"
#include "nn/taken_over.hpp"
#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

using Base = Gpt2<tiny, precision::Fp64>;

// The architecture and what is not named stay; what trained before is frozen.
static_assert(std::is_same_v<Adapted<Gpt2<tiny>, adapter::Lora<4>>, Gpt2<tiny, adapter::Lora<4>>>);
static_assert(std::is_same_v<Adapted<Gpt2<tiny, trainable::Nothing>, adapter::Lora<4>>, Gpt2<tiny, adapter::Lora<4>>>);
static_assert(std::is_same_v<Adapted<Gpt2<tiny, norm::Removable, head::Untied, recompute::PerBlock, execution::Split>,
                                     targets::c_fc, adapter::FullRank>,
                             Gpt2<tiny, norm::Removable, head::Untied, recompute::PerBlock, execution::Split,
                                  adapter::FullRank, targets::c_fc>>);
// What is named takes the place of what was.
static_assert(std::is_same_v<Adapted<Gpt2<tiny, execution::Split>, adapter::Lora<2>, execution::Factored,
                                     trainable::Roles<Role::adapter, Role::norm>, precision::FrozenBf16>,
                             Gpt2<tiny, adapter::Lora<2>, execution::Factored,
                                  trainable::Roles<Role::adapter, Role::norm>, precision::FrozenBf16>>);
static_assert(std::is_same_v<Adapted<RenamedModel<Policies<>>, RenamedModel<Policies<adapter::Lora<2>>>>,
                             RenamedModel<Policies<adapter::Lora<2>>>>);

template <class M>
M model_with_values(Cpu& backend) {
    M model(backend);
    set_parameters(model, 1);
    return model;
}

/// Adapts a model and checks that it gives the same bits, and has every tensor of the base.
template <class From, class... Ps>
void check_adapted() {
    Cpu backend({.threads = 1});
    From base = model_with_values<From>(backend);
    const auto expected = logits_of(base);
    const auto before = values_of(base);

    auto lora = adapt<Ps...>(std::move(base), 5);
    CHECK(logits_of(lora) == expected);
    // Only A and B came, with the values that a fresh model has.
    decltype(lora) fresh(backend);
    fresh.initialise(5);
    auto after = values_of(lora);
    for (const auto& [name, values] : values_of(fresh)) {
        if (before.contains(name)) continue;
        INFO(name);
        CHECK(after.at(name) == values);
        after.erase(name);
    }
    CHECK(after == before);
}

}  // namespace

TEST_CASE("an adapted model gives the base's logits, and has its tensors and fresh adapters", "[nn]") {
    check_adapted<Base, adapter::Lora<4>>();
    check_adapted<Base, adapter::Lora<4, 7>, targets::c_attn>();
    check_adapted<Base, adapter::FullRank, execution::Factored, trainable::Roles<Role::adapter, Role::embedding>>();
    check_adapted<Gpt2<tiny>, adapter::Lora<2>, execution::Split>();
    check_adapted<Gpt2<tiny, head::UntiedWithBias, norm::RmsNorm>, adapter::FullRank>();
}

TEST_CASE("a decoder is adapted to a type that has its layers with adapters", "[nn]") {
    check_adapted<RenamedModel<Policies<precision::Fp64>>, RenamedModel<Policies<precision::Fp64, adapter::Lora<3>>>>();
}

TEST_CASE("the seed decides where adapters start", "[nn]") {
    Cpu backend({.threads = 1});
    const auto factor = [&](std::uint64_t seed) {
        auto lora = adapt<adapter::Lora<4>>(model_with_values<Base>(backend), seed);
        return values_of(lora).at("h.0.attn.c_attn.lora_A");
    };
    CHECK(factor(1) == factor(1));
    CHECK(factor(1) != factor(2));
}

TEST_CASE("where the precision differs each value is rounded once", "[nn]") {
    Cpu backend({.threads = 1});
    auto base = model_with_values<Gpt2<tiny>>(backend);
    const auto before = values_of(base);
    auto lora = adapt<adapter::Lora<4>, precision::FrozenBf16>(std::move(base));
    const auto after = values_of(lora);
    for (const auto& [name, values] : before) {
        INFO(name);
        std::vector<double> rounded;
        for (const double value : values) {
            rounded.push_back(static_cast<double>(static_cast<float>(bf16(static_cast<float>(value)))));
        }
        CHECK(after.at(name) == rounded);
    }
}

TEST_CASE("an adapted model keeps the states of its norms and what ends a text", "[nn]") {
    using Removing = Gpt2<tiny, norm::Removable, precision::Fp64>;
    Cpu backend({.threads = 1});
    Removing base(backend);
    base.initialise(1);
    CHECK_FALSE(adapt<adapter::Lora<4>>(std::move(base)).end_of_text());

    auto told = model_with_values<Removing>(backend);
    set_progress(told, Progress::mixed);
    const auto expected = logits_of(told);
    auto lora = adapt<adapter::Lora<4>>(std::move(told));
    CHECK(lora.end_of_text() == end_of_text);
    CHECK(logits_of(lora) == expected);
}

TEST_CASE("an adapted model trains its adapters and leaves the rest alone", "[nn]") {
    Cpu backend({.threads = 1});
    auto lora = adapt<adapter::Lora<4>, targets::c_attn>(model_with_values<Base>(backend));
    CHECK_FALSE(lora.has_gradients());
    lora.zero_gradients();
    lora.forward_backward(SampleBatch{});
    const Gradients gradients = gradients_of(lora);
    REQUIRE(gradients.size() == 2 * tiny.layers);
    // That of A is zero as long as B is.
    for (const auto& [name, values] : gradients) {
        INFO(name);
        CHECK((relative_difference(values, std::vector<double>(values.size())) > 0) == name.ends_with("lora_B"));
    }
}
