// SPDX-License-Identifier: MIT
// The cases of golden/gradients/adapters.json: adapters on gpt2_mid, norms removed as each case says.
#pragma once

#include <cmath>
#include <fstream>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

namespace lamina_tests {

inline constexpr lamina::Architecture gpt2_mid{.layers = 3, .heads = 4, .embed = 24, .context = 24, .vocab = 97};

/// Puts every norm into the state of the case: paths listed as fake are fixed, divisors as given.
template <class Model>
void set_norms(Model& model, const nlohmann::json& all, const nlohmann::json& one) {
    const auto is_fake = [&](const std::string& path) {
        for (const auto& fake : one.at("fake")) {
            if (fake.get<std::string>() == path) return true;
        }
        return false;
    };
    lamina::for_each_state(model.layers(), [&](const std::string& name, auto& node) {
        const bool before_attention = node.paths == 2;
        const bool apart = one.at("bos_treatment").template get<bool>();
        const auto& divisors = all.at("divisors").at(name);
        node.state.tracking.mode = lamina::DivisorMode::constant;
        node.state.first_position_apart = apart;
        node.state.end_of_text_apart = apart && before_attention;
        node.state.start_at(divisors.at("average").template get<double>(), divisors.at("bos").template get<double>());
        node.state.fixed = is_fake(before_attention ? name + ".qk" : name);
        node.state.values_fixed = is_fake(before_attention ? name + ".v" : name);
    });
}

/// Loss and adapter gradients of one case against the golden ones, gradients to `bar` relative per tensor.
template <class Model>
void check_adapter_case(const std::string& name, double bar) {
    const nlohmann::json all = nlohmann::json::parse(std::ifstream(golden("gradients/adapters.json")));
    const nlohmann::json& one = all.at("cases").at(name);
    const auto file = [&](const char* key) {
        return lamina::io::SafetensorsFile(golden("gradients/" + one.at(key).get<std::string>()));
    };
    Cpu backend;
    Model model(backend);
    const std::size_t tensors = lamina::Manifest<Model>::entries.size();
    REQUIRE(load_parameters(model, lamina::io::SafetensorsFile(golden("gpt2_mid/model.safetensors"))) +
                load_parameters(model, file("adapters")) ==
            tensors);
    set_norms(model, all, one);
    model.set_end_of_text(all.at("end_of_text").get<lamina::Token>());

    const GoldenBatch batch(lamina::io::SafetensorsFile(golden("gradients/adapters_batch.safetensors")), "labels");
    model.zero_gradients();
    INFO(name);
    CHECK(model.forward_backward(batch.view()).cross_entropy.mean() ==
          Approx(one.at("loss").get<double>()).epsilon(0.1 * bar));
    const auto expected = file("gradients");
    const Gradients found = gradients_of(model);
    CHECK(found.size() == expected.tensors().size());
    for (const auto& [adapter, gradient] : found) {
        INFO(adapter);
        CHECK(relative_difference(gradient, tensor<double>(expected, adapter)) <= bar);
    }
}

}  // namespace lamina_tests
