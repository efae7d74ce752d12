// SPDX-License-Identifier: MIT
#include <lamina/core/activation.hpp>

#include <cmath>
#include <limits>

#include "support/catch.hpp"

using lamina::math::exact_gelu;
using lamina::math::exact_gelu_derivative;
using lamina::math::gelu;
using lamina::math::gelu_derivative;
using lamina::math::normal_distribution;
using lamina::math::sigmoid;
using lamina::math::silu;
using lamina::math::silu_derivative;

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

TEST_CASE("the normal distribution in single precision is the one in double to 2e-7, tails and ends included") {
    for (double x = -16; x <= 16; x += 0.0078125) {
        INFO(x);
        CHECK(std::abs(static_cast<double>(normal_distribution(static_cast<float>(x))) - normal_distribution(x)) <=
              2e-7);
    }
    constexpr float infinity = std::numeric_limits<float>::infinity();
    CHECK(normal_distribution(infinity) == 1);
    CHECK(normal_distribution(-infinity) == 0);
    CHECK(normal_distribution(0.0F) == Approx(0.5).margin(1e-7));
    CHECK(std::isnan(normal_distribution(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("the exact gelu is x times the normal distribution") {
    CHECK(exact_gelu(-1.0) == Approx(-0.15865525393145707).epsilon(1e-14));
    CHECK(exact_gelu(2.0) == Approx(1.9544997361036416).epsilon(1e-14));
    CHECK(static_cast<double>(exact_gelu(-1.0F)) == Approx(-0.1586552539).margin(2e-7));
}

TEST_CASE("silu is x / (1 + e^-x), and neither end overflows") {
    for (const double x : {-700.0, -20.0, -1.0, 0.0, 0.5, 30.0}) {
        CHECK(silu(x) == Approx(x / (1 + std::exp(-x))).margin(1e-300));
        CHECK(static_cast<double>(silu(static_cast<float>(x))) == Approx(x / (1 + std::exp(-x))).margin(1e-6));
    }
    CHECK(sigmoid(-1000.0F) == 0);
    CHECK(sigmoid(1000.0F) == 1);
    CHECK(silu(-1000.0F) == 0);
}

TEST_CASE("the derivatives of the exact gelu and of silu are their slopes") {
    constexpr double h = 1e-5;
    for (const double x : {-6.0, -1.3, -0.2, 0.0, 0.4, 2.0, 8.0}) {
        CHECK(exact_gelu_derivative(x) == Approx((exact_gelu(x + h) - exact_gelu(x - h)) / (2 * h)).margin(1e-9));
        CHECK(silu_derivative(x) == Approx((silu(x + h) - silu(x - h)) / (2 * h)).margin(1e-9));
        CHECK(static_cast<double>(exact_gelu_derivative(static_cast<float>(x))) ==
              Approx(exact_gelu_derivative(x)).margin(1e-6));
        CHECK(static_cast<double>(silu_derivative(static_cast<float>(x))) == Approx(silu_derivative(x)).margin(1e-6));
    }
}
