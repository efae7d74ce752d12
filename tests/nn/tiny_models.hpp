// SPDX-License-Identifier: MIT
// Small models in double with nothing left at zero, one batch for them, and their gradients as plain numbers.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/random.hpp>
#include <lamina/nn/check_gradient.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>

namespace lamina_tests {

using Cpu = lamina::BackendFor<lamina::device::Cpu>;

inline constexpr lamina::Architecture tiny{.layers = 2, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

/// The bar of the finite-difference check, relative. Its own error is near 1e-10.
inline constexpr double gradient_bar = 1e-6;

inline constexpr lamina::Token end_of_text = 4;

/// Two sequences of five tokens, an end of text within each, one target left out.
struct SampleBatch {
    std::array<lamina::Token, 10> inputs{1, 2, 4, 3, 5, 6, 7, 8, 4, 9};
    std::array<lamina::Token, 10> targets{2, 4, 3, 5, lamina::ignored_target, 7, 8, 4, 9, 0};

    // NOLINTNEXTLINE(google-explicit-constructor): stands wherever a batch is wanted
    operator lamina::TokenBatch() const { return {inputs, targets, 5}; }
};

/// Values that depend on the seed and the parameter's name alone, so that models that differ in policies share them.
template <class Model>
void set_parameters(Model& model, std::uint64_t seed) {
    model.initialise(seed);
    model.for_each_tensor([&](const auto& tensor) {
        std::uint64_t mixed = seed;
        for (const char c : tensor.entry.name()) mixed = lamina::Random{mixed + static_cast<unsigned char>(c)}.next();
        lamina::Random random{mixed};
        using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
        for (std::size_t i = 0; i < tensor.entry.size; ++i) {
            const double start = tensor.values.rows == 1 && tensor.entry.role == lamina::Role::norm ? 1 : 0;
            const double value = start + 0.2 * random.normal();
            tensor.values.data[i] = static_cast<Scalar>(static_cast<lamina::ComputeOf<Scalar>>(value));
        }
    });
    model.parameters_changed();
    model.set_end_of_text(end_of_text);
}

/// Calls `f(state, paths)` for the state of every norm that has one, in the order of the walk.
template <class Model, class F>
void for_each_norm_state(Model& model, const F& f) {
    lamina::for_each_state(model.layers(), [&](const std::string&, auto& norm) { f(norm.state, norm.paths); });
}

/// How far the removal of a model's norms has come.
enum class Progress { real, mixed, fixed, end_of_text_apart, first_position_apart };

/// Different constant divisors everywhere, and paths fixed as far as told. `mixed`: ln_1 fixed for queries and keys
/// only, ln_2 and ln_f fixed.
template <class Model>
void set_progress(Model& model, Progress progress) {
    double divisor = 0.6;
    for_each_norm_state(model, [&](lamina::RemovableState& state, std::size_t paths) {
        state.tracking.mode = lamina::DivisorMode::constant;
        state.first_position_apart = progress >= Progress::end_of_text_apart;
        state.end_of_text_apart = progress == Progress::end_of_text_apart;
        state.start_at(divisor, 1.5 * divisor);
        state.fixed = progress != Progress::real;
        state.values_fixed = progress != Progress::real && (progress != Progress::mixed || paths == 1);
        divisor += 0.1;
    });
}

/// The finite-difference check of a whole model; with removable norms, as far as told.
template <class Model>
lamina::GradientReport checked(Progress progress = Progress::real) {
    Cpu backend;
    Model model(backend);
    set_parameters(model, 1);
    set_progress(model, progress);
    return check_model_gradient(model, SampleBatch{});
}

/// Every gradient by the name of its tensor.
using Gradients = std::map<std::string, std::vector<double>>;

template <class Model>
Gradients gradients_of(Model& model) {
    model.complete_gradients();
    Gradients all;
    model.for_each_trained_tensor([&](const auto& tensor) {
        std::vector<double>& values = all[tensor.entry.name()];
        for (std::size_t i = 0; i < tensor.entry.size; ++i) {
            values.push_back(static_cast<double>(tensor.gradient.data[i]));
        }
    });
    return all;
}

/// ‖a - b‖ / ‖b‖.
inline double relative_difference(const std::vector<double>& a, const std::vector<double>& b) {
    double difference = 0;
    double scale = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
        difference += (a.at(i) - b[i]) * (a.at(i) - b[i]);
        scale += b[i] * b[i];
    }
    return scale == 0 ? std::sqrt(difference) : std::sqrt(difference / scale);
}

/// The largest relative difference of one tensor; infinite when the tensors are not the same ones or hold a NaN.
inline double relative_difference(const Gradients& a, const Gradients& b) {
    double worst = a.size() == b.size() ? 0 : INFINITY;
    for (const auto& [name, values] : b) {
        const auto found = a.find(name);
        if (found == a.end() || found->second.size() != values.size()) return INFINITY;
        const double difference = relative_difference(found->second, values);
        worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    }
    return worst;
}

}  // namespace lamina_tests
