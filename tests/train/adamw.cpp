// SPDX-License-Identifier: MIT
#include <lamina/train/adamw.hpp>

#include "support/catch.hpp"
#include "train/tiny_run.hpp"

#include <cmath>

using namespace lamina_tests;

TEST_CASE("weight decay spares biases and norms") {
    using lamina::Role;
    CHECK(lamina::train::decays("h.0.attn.c_attn.lora_A", Role::adapter));
    CHECK(lamina::train::decays("h.0.mlp.c_fc.weight", Role::weight));
    CHECK_FALSE(lamina::train::decays("h.0.mlp.c_fc.bias", Role::weight));
    CHECK_FALSE(lamina::train::decays("h.0.ln_1.weight", Role::norm));
}

TEST_CASE("adamw makes the update of its definition and leaves frozen tensors alone") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    model.initialise(3);
    const TinyData data(4);
    lamina::train::AdamW<TinyModel> optimiser(model, {.weight_decay = 0.1});
    std::vector<double> first;
    std::vector<double> second;
    for (std::size_t update = 1; update <= 3; ++update) {
        model.zero_gradients();
        model.backward(data.batch());
        model.complete_gradients();
        const std::vector<double> before = trained_values(model);
        std::vector<double> gradient;
        lamina::for_each_parameter(model.layers(), [&](const std::string&, auto& parameter) {
            using Member = std::remove_cvref_t<decltype(parameter)>;
            if constexpr (Member::trains) {
                gradient.insert(gradient.end(), parameter.gradient, parameter.gradient + Member::size);
            }
        });
        first.resize(gradient.size());
        second.resize(gradient.size());
        const double frozen = model.layers().token_table.values[5];
        optimiser.step(model, 1e-2, 0.5);
        const std::vector<double> after = trained_values(model);
        double worst = 0;
        for (std::size_t i = 0; i < gradient.size(); ++i) {
            const double g = 0.5 * gradient[i];
            first[i] = 0.9 * first[i] + 0.1 * g;
            second[i] = 0.999 * second[i] + 0.001 * g * g;
            const double t = static_cast<double>(update);
            const double mean = first[i] / (1 - std::pow(0.9, t));
            const double spread = std::sqrt(second[i] / (1 - std::pow(0.999, t)));
            const double expected = before[i] * (1 - 1e-2 * 0.1) - 1e-2 * mean / (spread + 1e-8);
            worst = std::max(worst, std::abs(after[i] - expected));
        }
        // Values are of order one and the update is of order 1e-2: a few roundings of either.
        CHECK(worst < 1e-14);
        CHECK(model.layers().token_table.values[5] == frozen);
        CHECK(optimiser.updates() == update);
    }
}
