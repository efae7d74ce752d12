// SPDX-License-Identifier: MIT
// Initialising: fresh parameter values, as each parameter's `Initial` says.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <lamina/arch/initial.hpp>
#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/random.hpp>

namespace lamina {

/// Writes the starting value of one element.
[[nodiscard]] inline double initial_value(const Initial& initial, Random& random, std::size_t row, std::size_t col,
                                          std::size_t layers) {
    switch (initial.kind) {
        case Initial::Kind::zeros:
            return 0;
        case Initial::Kind::constant:
            return initial.spread;
        case Initial::Kind::identity:
            return row == col ? 1 : 0;
        case Initial::Kind::normal:
            return initial.spread * random.normal();
        case Initial::Kind::residual_projection:
            return initial.spread / std::sqrt(2.0 * static_cast<double>(layers)) * random.normal();
        case Initial::Kind::uniform:
            return random.uniform(-initial.spread, initial.spread);
    }
    return 0;
}

/// Which parameters `initialise_parameters` writes.
enum class Which : std::uint8_t { all, adapters };

/// Fills the parameters of a ParameterStore. The numbers depend on the seed and the parameter's place, nothing else.
template <class Store, class B>
void initialise_parameters(Store& store, B& backend, std::uint64_t seed, std::size_t layers, Which which = Which::all) {
    std::size_t place = 0;
    store.for_each_tensor([&](const auto& tensor) {
        using Scalar = typename std::remove_cvref_t<decltype(tensor)>::Scalar;
        const TensorEntry& entry = tensor.entry;
        Random random = Random::stream(seed, place++);
        if (which == Which::adapters && entry.role != Role::adapter) return;
        std::vector<Scalar> host(entry.size);
        for (std::size_t i = 0; i < entry.size; ++i) {
            const double value = initial_value(entry.initial, random, i / entry.cols(), i % entry.cols(), layers);
            host[i] = static_cast<Scalar>(static_cast<ComputeOf<Scalar>>(value));
        }
        backend.upload(tensor.values.data, host.data(), host.size() * sizeof(Scalar));
    });
}

}  // namespace lamina
