// SPDX-License-Identifier: MIT
#include <lamina/core/gelu.hpp>

#include <cmath>

#include "support/catch.hpp"

using lamina::math::gelu;
using lamina::math::gelu_derivative;

TEST_CASE("gelu is the tanh form, not the exact one") {
    const double c = std::sqrt(2 / 3.141592653589793);
    for (const double x : {-20.0, -1.0, -0.5, 0.0, 0.5, 3.0}) {
        const double expected = 0.5 * x * (1 + std::tanh(c * (x + 0.044715 * x * x * x)));
        CHECK(gelu(x) == Approx(expected).epsilon(1e-14).margin(1e-300));
        // One part in 2^22 of x: tanh near -1 leaves that of 1 + tanh.
        CHECK(static_cast<double>(gelu(static_cast<float>(x))) == Approx(expected).margin(0x1p-22 * std::abs(x)));
    }
    // The exact form differs from the third digit on: -0.158655 at -1.
    CHECK(gelu(-1.0) == Approx(-0.158808).epsilon(1e-5));
}

TEST_CASE("the derivative of gelu is its slope") {
    constexpr double h = 1e-5;
    for (const double x : {-6.0, -1.3, -0.2, 0.0, 0.4, 2.0, 8.0}) {
        const double slope = (gelu(x + h) - gelu(x - h)) / (2 * h);
        // Truncation is h² times a third derivative below 2; cancellation 2^-53 · 8 / h.
        CHECK(gelu_derivative(x) == Approx(slope).margin(1e-9));
        CHECK(static_cast<double>(gelu_derivative(static_cast<float>(x))) == Approx(slope).margin(1e-5));
    }
}
