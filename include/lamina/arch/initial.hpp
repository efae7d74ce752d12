// SPDX-License-Identifier: MIT
// Initial: what values a parameter starts with when a model is initialised rather than loaded.
#pragma once

#include <cstdint>

namespace lamina {

/// A distribution or a constant (docs/gpt2.md, "Initial values"; docs/method.md, "Adapters").
struct Initial {
    enum class Kind : std::uint8_t {
        zeros,
        constant,             ///< every element is `spread`
        identity,             ///< ones on the diagonal
        normal,               ///< N(0, spread²)
        residual_projection,  ///< N(0, spread² / (2·L)): a product that is added to the residual stream
        uniform               ///< U(-spread, spread)
    };

    Kind kind = Kind::zeros;
    double spread = 0;

    [[nodiscard]] static constexpr Initial constant(double value) { return {Kind::constant, value}; }
    [[nodiscard]] static constexpr Initial normal(double deviation) { return {Kind::normal, deviation}; }
    [[nodiscard]] static constexpr Initial residual_projection(double deviation) {
        return {Kind::residual_projection, deviation};
    }
    [[nodiscard]] static constexpr Initial uniform(double bound) { return {Kind::uniform, bound}; }

    friend constexpr bool operator==(const Initial&, const Initial&) = default;
};

}  // namespace lamina
