// SPDX-License-Identifier: MIT
#include <lamina/train/adamw.hpp>

#include <lamina/removal/removable_norm.hpp>
#include <lamina/train/clipping.hpp>

#include "nn/renamed_linear.hpp"
#include "support/catch.hpp"
#include "train/golden.hpp"
#include "train/tiny_run.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

using namespace lamina_tests;

namespace {

/// Feeds one case of the golden file through two adapter tensors of a model, every other gradient being zero.
template <class Precision>
void check_golden_case(const nlohmann::json& file, const nlohmann::json& expected, double tolerance) {
    using Model = lamina::Gpt2<toy, lamina::norm::Removable, lamina::adapter::FullRank, Precision>;
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
        model.gradients_changed();
        const double norm = lamina::train::gradient_norm(model);
        CHECK(norm == Approx(golden_update.at("grad_norm").get<double>()).epsilon(tolerance));
        const double scale = lamina::train::clip_scale(norm, file.at("max_grad_norm").get<double>());
        optimiser.step(model, golden_update.at("learning_rate").get<double>(), scale);
        for_each_of_the_two([&](std::size_t k, const auto& tensor) {
            const std::size_t offset = tensor.entry.moment_offset;
            check(golden_update.at("parameters").at(k), tensor.values.data);
            check(golden_update.at("first_moment").at(k), optimiser.first_moments(lamina::Role::adapter).data + offset);
            check(golden_update.at("second_moment").at(k),
                  optimiser.second_moments(lamina::Role::adapter).data + offset);
        });
    }
}

/// A CPU that keeps count of the updates asked of it.
struct CountingDevice {
    using answers = lamina::question::Device;
};

class CountingBackend : public lamina::CpuBackend {
public:
    using CpuBackend::CpuBackend;
    template <class Request>
    decltype(auto) run(const Request& request) {
        if constexpr (requires { request.first_moment; }) ++updates;
        return CpuBackend::run(request);
    }
    std::size_t updates = 0;
};

constexpr lamina::Architecture wide{.layers = 2, .heads = 2, .embed = 64, .context = 8, .vocab = 13};

/// Fills a model with numbers, gradients included, makes two updates and one of each tensor by itself: the same bits.
/// Returns the operations that the last update took.
template <class Model>
std::size_t updates_beside_single_ones(lamina::train::GainDecay gains) {
    CountingBackend backend({.threads = 2});
    Model model(backend);
    lamina::train::AdamW<Model> optimiser(model, {.weight_decay = 0.1, .gain_decay = gains});
    const auto fill = [](lamina::Random& random, auto* values, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(random.normal());
    };
    lamina::Random random{5};
    model.initialise(3);
    std::map<std::string, std::array<std::vector<float>, 4>> singles;
    for (std::size_t update = 1; update <= 2; ++update) {
        model.zero_gradients();
        model.for_each_trained_tensor([&](const auto& tensor) {
            fill(random, tensor.gradient.data, tensor.entry.size);
            auto& [value, first, second, gradient] = singles[tensor.entry.name()];
            if (update == 1) {
                value.assign(tensor.values.data, tensor.values.data + tensor.entry.size);
                first.resize(tensor.entry.size);
                second.resize(tensor.entry.size);
            }
            gradient.assign(tensor.gradient.data, tensor.gradient.data + tensor.entry.size);
            const bool decays = lamina::train::decays(tensor.entry.role, tensor.entry.part, gains);
            const auto whole = [](std::vector<float>& of) { return lamina::row_view(of.data(), of.size()); };
            backend.run(lamina::AdamWUpdate<float, float, float>{.parameter = whole(value),
                                                                 .gradient = whole(gradient),
                                                                 .first_moment = whole(first),
                                                                 .second_moment = whole(second),
                                                                 .rate = 1e-2,
                                                                 .beta1 = 0.9,
                                                                 .beta2 = 0.999,
                                                                 .epsilon = 1e-8,
                                                                 .decay = decays ? 0.1 : 0,
                                                                 .gradient_scale = 0.5,
                                                                 .update = update});
        });
        model.gradients_changed();
        backend.updates = 0;
        optimiser.step(model, 1e-2, 0.5);
    }
    model.for_each_trained_tensor([&](const auto& tensor) {
        INFO(tensor.entry.name());
        const auto& [value, first, second, gradient] = singles.at(tensor.entry.name());
        const std::size_t place = tensor.entry.moment_offset;
        const float* const first_moment = optimiser.first_moments(tensor.entry.role).data + place;
        const float* const second_moment = optimiser.second_moments(tensor.entry.role).data + place;
        CHECK(std::equal(value.begin(), value.end(), tensor.values.data));
        CHECK(std::equal(first.begin(), first.end(), first_moment));
        CHECK(std::equal(second.begin(), second.end(), second_moment));
    });
    return backend.updates;
}

}  // namespace

template <>
struct lamina::BackendOf<CountingDevice> {
    using type = CountingBackend;
};

TEST_CASE("tensors side by side are updated at once, with the numbers of one update each") {
    using lamina::train::GainDecay;
    namespace adapter = lamina::adapter;
    namespace trainable = lamina::trainable;
    using Adapters = lamina::Gpt2<wide, CountingDevice, adapter::FullRank>;
    CHECK(updates_beside_single_ones<Adapters>(GainDecay::none) == 1);
    // Where gains decay and biases do not, each of the two in five norms is a run of its own.
    using WithNorms = lamina::Gpt2<wide, CountingDevice, adapter::Lora<4>,
                                   trainable::Roles<lamina::Role::adapter, lamina::Role::norm>>;
    CHECK(updates_beside_single_ones<WithNorms>(GainDecay::none) == 2);
    CHECK(updates_beside_single_ones<WithNorms>(GainDecay::as_weights) == 1 + 2 * 5);
    // A [8, 3] and B [3, 8] take 32 places among the values and 64 among the gradients.
    using Apart = lamina::Gpt2<toy, CountingDevice, adapter::Lora<3>>;
    CHECK(updates_beside_single_ones<Apart>(GainDecay::none) == 2 * 8);
    // Every weight has a bias after it, which does not decay; the two tables are one run, the five norms another.
    using Everything = lamina::Gpt2<wide, CountingDevice>;
    CHECK(updates_beside_single_ones<Everything>(GainDecay::none) == 2 * 8 + 2);
}

TEST_CASE("weight decay spares the gains of norms unless asked") {
    using lamina::train::GainDecay;
    using Trained = lamina::Gpt2<toy, lamina::norm::Removable, lamina::precision::Fp64>;
    lamina::CpuBackend backend({.threads = 1});
    for (const GainDecay gains : {GainDecay::none, GainDecay::as_weights}) {
        Trained model(backend);
        model.initialise(3);
        model.zero_gradients();
        lamina::train::AdamW<Trained> optimiser(model, {.weight_decay = 0.5, .gain_decay = gains});
        model.gradients_changed();  // to zero
        optimiser.step(model, 0.1);
        // No gradient, so nothing but the decay moves a parameter.
        CHECK(model.layers().final_norm.gain.values[0] == Approx(gains == GainDecay::none ? 1 : 1 - 0.1 * 0.5));
    }
}

TEST_CASE("weight decay spares what its layer declares as a bias, and nothing else for its name") {
    using Model = RenamedModel<lamina::Policies<lamina::precision::Fp64>>;
    lamina::CpuBackend backend({.threads = 1});
    Model model(backend);
    model.for_each_tensor([&](const auto& tensor) { backend.run(lamina::Fill(tensor.values, 1.0)); });
    model.zero_gradients();
    lamina::train::AdamW<Model> optimiser(model, {.weight_decay = 0.5});
    model.gradients_changed();  // to zero
    optimiser.step(model, 0.1);
    const auto& mixer = model.layers().blocks[1].inner;
    CHECK(mixer.bias.values[0] == 1);                        // called "offset"
    CHECK(mixer.weight.values[0] == Approx(1 - 0.1 * 0.5));  // called "bias_mixer"
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
        model.forward_backward(data.batch());
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

TEST_CASE("adamw refuses to step without gradients of the parameters as they are") {
    lamina::CpuBackend backend({.threads = 1});
    TinyModel model(backend);
    model.initialise(3);
    const TinyData data(4);
    lamina::train::AdamW<TinyModel> optimiser(model);
    const std::string refusal =
        "lamina: AdamW: no gradients since they were zeroed or the parameters changed; call forward_backward before "
        "step, or gradients_changed after writing gradients by hand";
    const std::vector<double> start = trained_values(model);
    CHECK_THROWS_WITH(optimiser.step(model, 1e-2), refusal);
    model.evaluate(data.batch());
    CHECK_THROWS_WITH(optimiser.step(model, 1e-2), refusal);
    model.forward_backward(data.batch());
    model.zero_gradients();
    CHECK_THROWS_WITH(optimiser.step(model, 1e-2), refusal);
    CHECK(trained_values(model) == start);
    CHECK(optimiser.updates() == 0);

    model.forward_backward(data.batch());
    model.forward_backward(data.batch());
    optimiser.step(model, 1e-2);
    CHECK_THROWS_WITH(optimiser.step(model, 1e-2), refusal);
    CHECK(optimiser.updates() == 1);
    // Whoever goes on summing over steps may.
    model.forward_backward(data.batch());
    CHECK_NOTHROW(optimiser.step(model, 1e-2));
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
