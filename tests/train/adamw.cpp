// SPDX-License-Identifier: MIT
#include <lamina/train/adamw.hpp>

#include <lamina/train/clipping.hpp>

#include "support/catch.hpp"
#include "train/golden.hpp"
#include "train/tiny_run.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

using namespace lamina_tests;

namespace {

/// Feeds one case of the golden file through two adapter tensors of a model, every other gradient being zero.
template <class Precision>
void check_golden_case(const nlohmann::json& file, const nlohmann::json& expected, double tolerance) {
    using Model = lamina::Gpt2<tiny, lamina::norm::Removable, lamina::adapter::FullRank, Precision>;
    using Scalar = typename Model::Gradient;
    lamina::CpuBackend backend({.threads = 1});
    Model model(backend);
    model.initialise(3);
    lamina::train::AdamW<Model> optimiser(model, {.beta1 = file.at("beta1").get<double>(),
                                                  .beta2 = file.at("beta2").get<double>(),
                                                  .epsilon = file.at("epsilon").get<double>(),
                                                  .weight_decay = expected.at("weight_decay").get<double>()});
    const auto for_each_of_the_two = [&](const auto& f) {
        model.for_each_trained_tensor([&](const auto& tensor) {
            const std::string name = tensor.entry.name();
            if (name == "h.0.attn.c_attn.lora_A") f(std::size_t{0}, tensor);
            if (name == "h.1.mlp.c_proj.lora_B") f(std::size_t{1}, tensor);
        });
    };
    const auto put = [](const nlohmann::json& values, Scalar* place) {
        for (const nlohmann::json& value : values) *place++ = value.get<Scalar>();
    };
    const auto check = [tolerance](const nlohmann::json& values, const Scalar* place) {
        for (const nlohmann::json& value : values) {
            CHECK(static_cast<double>(*place++) == Approx(value.get<double>()).epsilon(tolerance).margin(1e-30));
        }
    };

    for_each_of_the_two([&](std::size_t k, const auto& tensor) { put(file.at("start").at(k), tensor.values.data); });
    for (std::size_t update = 0; update < expected.at("updates").size(); ++update) {
        INFO("update " << update);
        const nlohmann::json& golden_update = expected.at("updates").at(update);
        model.zero_gradients();
        for_each_of_the_two([&](std::size_t k, const auto& tensor) {
            put(file.at("gradients").at(update).at(k), tensor.gradient.data);
        });
        const double norm = lamina::train::gradient_norm(model);
        CHECK(norm == Approx(golden_update.at("grad_norm").get<double>()).epsilon(tolerance));
        const double scale = lamina::train::clip_scale(norm, file.at("max_grad_norm").get<double>());
        optimiser.step(model, golden_update.at("learning_rate").get<double>(), scale);
        for_each_of_the_two([&](std::size_t k, const auto& tensor) {
            const std::size_t offset = tensor.entry.gradient_offset;
            check(golden_update.at("parameters").at(k), tensor.values.data);
            check(golden_update.at("first_moment").at(k), optimiser.first_moments(lamina::Role::adapter).data + offset);
            check(golden_update.at("second_moment").at(k),
                  optimiser.second_moments(lamina::Role::adapter).data + offset);
        });
    }
}

}  // namespace

TEST_CASE("weight decay spares the gains of norms unless asked") {
    using lamina::train::GainDecay;
    using Trained = lamina::Gpt2<tiny, lamina::norm::Removable, lamina::precision::Fp64>;
    lamina::CpuBackend backend({.threads = 1});
    for (const GainDecay gains : {GainDecay::none, GainDecay::as_weights}) {
        Trained model(backend);
        model.initialise(3);
        model.zero_gradients();
        lamina::train::AdamW<Trained> optimiser(model, {.weight_decay = 0.5, .gain_decay = gains});
        optimiser.step(model, 0.1);
        // No gradient, so nothing but the decay moves a parameter.
        CHECK(model.layers().final_norm.gain.values[0] == Approx(gains == GainDecay::none ? 1 : 1 - 0.1 * 0.5));
    }
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
        model.for_each_trained_tensor([&](const auto& tensor) {
            gradient.insert(gradient.end(), tensor.gradient.data, tensor.gradient.data + tensor.entry.size);
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

TEST_CASE("clipping and adamw give the reference's parameters and moments, update by update") {
    const nlohmann::json file = read_golden("adamw.json");
    for (const nlohmann::json& golden_case : file.at("cases")) {
        CAPTURE(golden_case.at("scalar").get<std::string>(), golden_case.at("weight_decay").get<double>());
        if (golden_case.at("scalar") == "float64") {
            check_golden_case<lamina::precision::Fp64>(file, golden_case, 1e-12);
        } else {
            // The reference rounds in another order, and an update may cancel most of a parameter.
            check_golden_case<lamina::precision::Fp32>(file, golden_case, 2e-6);
        }
    }
}
