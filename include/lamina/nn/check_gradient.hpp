// SPDX-License-Identifier: MIT
// check_gradient: proves a layer's or a model's backward against central differences in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <lamina/arch/trainable.hpp>
#include <lamina/backend/backend_of.hpp>
#include <lamina/core/random.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/initialise.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/paper.hpp>
#include <lamina/nn/run/parameter_store.hpp>
#include <lamina/nn/run/pass.hpp>
#include <lamina/nn/run/saved.hpp>
#include <lamina/nn/stand_in.hpp>

namespace lamina {

struct GradientCheckOptions {
    Extent extent{.batch = 2, .sequence = 3};
    std::uint64_t seed = 1;
    std::size_t samples = 24;    ///< elements looked at per tensor; all of them in smaller tensors
    double perturbation = 0.05;  ///< noise added to starting values, so that zeros and ones hide nothing
};

/// The worst tensor of a check.
struct GradientReport {
    double worst = 0;         ///< ‖analytic - numeric‖ / ‖numeric‖ over the sampled elements of one tensor
    std::string where;        ///< its name; "input" for the gradient with respect to the layer's input
    std::size_t tensors = 0;  ///< how many were compared

    void add(const std::string& name, const std::vector<double>& analytic, const std::vector<double>& numeric) {
        double difference = 0;
        double scale = 0;
        for (std::size_t i = 0; i < analytic.size(); ++i) {
            difference += (analytic[i] - numeric[i]) * (analytic[i] - numeric[i]);
            scale += numeric[i] * numeric[i];
        }
        // A tensor whose gradient vanishes is compared absolutely.
        double error = scale > 1e-20 ? std::sqrt(difference / scale) : std::sqrt(difference);
        if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
        ++tensors;
        if (error > worst || where.empty()) where = name;
        worst = std::max(worst, error);
    }
};

namespace detail {

// Initial values are drawn from streams numbered by tensor, so these are far from 0: noise that equals a tensor's start
// would only stretch it.
inline constexpr std::uint64_t noise_stream = std::uint64_t{1} << 32U;
inline constexpr std::uint64_t input_stream = noise_stream + 1;

/// A central difference of fourth order: its error is far below 1e-9 for the smooth functions of a model.
template <class F>
double central_difference(double& place, const F& value) {
    constexpr double h = 1e-3;
    const double start = place;
    const auto at = [&](double offset) {
        place = start + offset;
        return value();
    };
    const double slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    place = start;
    return slope;
}

/// Indices of at most `samples` elements of `size`, spread evenly.
inline std::vector<std::size_t> sampled(std::size_t size, std::size_t samples) {
    std::vector<std::size_t> indices;
    const std::size_t count = std::min(size, samples);
    for (std::size_t i = 0; i < count; ++i) indices.push_back(i * size / count);
    return indices;
}

template <class Store>
void perturb_parameters(Store& store, std::uint64_t seed, double amount) {
    Random random = Random::stream(seed, noise_stream);
    store.for_each_tensor([&](const auto& tensor) {
        for (std::size_t i = 0; i < tensor.entry.size; ++i) tensor.values.data[i] += amount * random.normal();
    });
}

/// `check_gradient` for a layer that computes in double.
template <class L, class B>
[[nodiscard]] GradientReport compare_layer(B& backend, const GradientCheckOptions& options) {
    const std::size_t n = options.extent.tokens();
    constexpr double unset = std::numeric_limits<double>::quiet_NaN();
    L layer{};
    ParameterStore<L, double, B> store(backend, layer);
    initialise_parameters(store, backend, options.seed, 1);
    perturb_parameters(store, options.seed, options.perturbation);
    // A layer that streams overwrites gradients, so nothing of a start would be left.
    constexpr double start = Manifest<L>::streamed_gradient_elements == 0 ? 1 : 0;
    store.for_each_trained_tensor(
        backend, layer, [&](const auto& tensor) { std::fill_n(tensor.gradient.data, tensor.entry.size, start); });

    Random random = Random::stream(options.seed, input_stream);
    std::vector<double> x(n * L::in);
    std::vector<double> weights(n * L::out);
    std::vector<double> y(n * L::out, unset);
    std::vector<double> d_x(n * L::in, unset);
    for (double& value : x) value = random.normal();
    for (double& value : weights) value = random.normal();
    auto saved_memory = backend.allocate(saved_bytes<typename L::Saved>(n));
    auto scratch_memory = backend.allocate(on_paper<L>(options.extent).scratch);
    typename L::Saved saved{};
    bind_saved(saved, saved_memory.data(), n);
    std::vector<Token> ids(n, 0);
    const auto make_pass = [&](Phase phase) {
        return Pass<B>{.backend = backend,
                       .extent = options.extent,
                       .ids = {ids.data(), n},
                       .phase = phase,
                       .scratch = ScratchStack({scratch_memory.data(), scratch_memory.size()})};
    };
    const auto forward = [&](Phase phase) {
        materialise_all(layer, backend);
        Pass<B> pass = make_pass(phase);
        forward_into(layer, pass, Rows<const double, L::in>(x.data(), n), Into(Rows<double, L::out>(y.data(), n)),
                     saved);
    };
    const auto value = [&] {
        forward(Phase::evaluate);
        double sum = 0;
        for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * weights[i];
        return sum;
    };

    forward(Phase::train);
    Pass<B> pass = make_pass(Phase::train);
    layer.backward(pass, Rows<const double, L::in>(x.data(), n), saved, Rows<const double, L::out>(weights.data(), n),
                   Rows<double, L::in>(d_x.data(), n));
    complete_all_gradients(layer, backend);

    GradientReport report{};
    const auto compare = [&](const std::string& name, double* places, std::size_t size, const double* analytic,
                             double before) {
        std::vector<double> exact;
        std::vector<double> numeric;
        for (const std::size_t i : sampled(size, options.samples)) {
            exact.push_back(analytic[i] - before);
            numeric.push_back(central_difference(places[i], value));
        }
        report.add(name, exact, numeric);
    };
    store.for_each_trained_tensor(backend, layer, [&](const auto& tensor) {
        compare(tensor.entry.name(), tensor.values.data, tensor.entry.size, tensor.gradient.data, start);
    });
    compare("input", x.data(), x.size(), d_x.data(), 0.0);
    return report;
}

}  // namespace detail

/// Compares the backward of a layer with numeric derivatives of Σ w·y for random x, w and parameters.
///
/// The layer's policies must use precision::Fp64 on the CPU. Gradients start from 1, to see that backward adds, unless
/// they are streamed; d_x and y start as NaN, to see that they are overwritten.
template <Layer L, class B>
[[nodiscard]] GradientReport check_gradient(B& backend, GradientCheckOptions options = {}) {
    constexpr bool in_double = std::is_same_v<typename L::Scalar, double>;
    static_assert(in_double || detail::StandsIn<L>,
                  "lamina: check_gradient: numeric derivatives need double; give the layer's policies precision::Fp64");
    if constexpr (in_double) {
        return detail::compare_layer<L>(backend, options);
    } else {
        return {};
    }
}

/// As above, on a CPU backend of its own: `check_gradient<MyLayer>()`.
template <Layer L, class Device = device::Cpu>
[[nodiscard]] GradientReport check_gradient(GradientCheckOptions options = {}) {
    BackendFor<Device> backend;
    return check_gradient<L>(backend, options);
}

/// Compares `model.forward_backward` with numeric derivatives of the mean loss, for every tensor that trains. The
/// model's policies must use precision::Fp64 on the CPU, and no state of its layers may follow the data.
template <LanguageModel M>
[[nodiscard]] GradientReport check_model_gradient(M& model, const TokenBatch& batch, std::size_t samples = 12) {
    constexpr bool in_double = std::is_same_v<typename M::Scalar, double>;
    static_assert(in_double || detail::StandsIn<M>,
                  "lamina: check_model_gradient: numeric derivatives need double; use precision::Fp64");
    GradientReport report{};
    if constexpr (in_double) {
        model.zero_gradients();
        model.forward_backward(batch);
        model.complete_gradients();
        model.for_each_trained_tensor([&](const auto& tensor) {
            std::vector<double> analytic;
            std::vector<double> numeric;
            for (const std::size_t i : detail::sampled(tensor.entry.size, samples)) {
                analytic.push_back(tensor.gradient.data[i]);
                numeric.push_back(detail::central_difference(tensor.values.data[i], [&] {
                    model.parameters_changed();
                    return model.evaluate(batch).mean();
                }));
            }
            report.add(tensor.entry.name(), analytic, numeric);
        });
        model.parameters_changed();
    }
    return report;
}

}  // namespace lamina
