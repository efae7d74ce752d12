// SPDX-License-Identifier: MIT
#include <lamina/core/vector_math.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "support/catch.hpp"

namespace {

constexpr float endless = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// The distance of `found` from `exact`, in units of the last place that a float near `exact` has.
double error_in_ulp(float found, double exact) {
    int exponent = 0;
    std::frexp(exact, &exponent);
    const double ulp = std::ldexp(1.0, std::max(exponent, -125) - 24);
    return std::abs(static_cast<double>(found) - exact) / ulp;
}

struct Worst {
    double error = 0;
    float at = 0;
};

/// The worst error over floats of both signs with magnitudes in [first, last], one in every `step` of them, a prime.
template <class Function, class Reference>
Worst worst_error(Function function, Reference reference, float first, float last, std::uint32_t step) {
    Worst worst;
    const auto end = std::bit_cast<std::uint32_t>(last);
    for (auto bits = std::bit_cast<std::uint32_t>(first); bits <= end; bits += step) {
        for (const std::uint32_t sign : {0U, 0x8000'0000U}) {
            const auto x = std::bit_cast<float>(bits | sign);
            const double error = error_in_ulp(function(x), reference(static_cast<double>(x)));
            if (!(error <= worst.error)) worst = {error, x};
        }
    }
    return worst;
}

float single_exp(float x) { return lamina::math::exp(x); }
float single_tanh(float x) { return lamina::math::tanh(x); }

}  // namespace

TEST_CASE("single precision exp is within one unit in the last place wherever its result is finite") {
    const auto reference = [](double x) { return std::exp(x); };
    const Worst small = worst_error(single_exp, reference, 0.0F, 0x1p-4F, 9973);
    CAPTURE(small.at);
    CHECK(small.error <= 1.0);
    const Worst large = worst_error(single_exp, reference, 0x1p-4F, 88.72F, 211);
    CAPTURE(large.at);
    CHECK(large.error <= 1.0);
}

TEST_CASE("single precision tanh is within three units in the last place") {
    const auto reference = [](double x) { return std::tanh(x); };
    const Worst small = worst_error(single_tanh, reference, 0.0F, 0x1p-6F, 9973);
    CAPTURE(small.at);
    CHECK(small.error <= 3.0);
    const Worst large = worst_error(single_tanh, reference, 0x1p-6F, 20.0F, 211);
    CAPTURE(large.at);
    CHECK(large.error <= 3.0);
}

TEST_CASE("exp keeps the limits of the exponential function") {
    CHECK(lamina::math::exp(0.0F) == 1.0F);
    CHECK(lamina::math::exp(-0.0F) == 1.0F);
    CHECK(lamina::math::exp(endless) == endless);
    CHECK(lamina::math::exp(-endless) == 0.0F);
    CHECK(lamina::math::exp(88.73F) == endless);
    CHECK(lamina::math::exp(std::numeric_limits<float>::max()) == endless);
    CHECK(lamina::math::exp(std::numeric_limits<float>::lowest()) == 0.0F);
    CHECK(lamina::math::exp(-103.0F) == std::numeric_limits<float>::denorm_min());
    CHECK(std::isnan(lamina::math::exp(not_a_number)));
    CHECK(std::isnan(lamina::math::exp(-not_a_number)));
}

TEST_CASE("tanh keeps signs, limits and tiny arguments") {
    CHECK(lamina::math::tanh(0.0F) == 0.0F);
    CHECK(std::signbit(lamina::math::tanh(-0.0F)));
    CHECK(lamina::math::tanh(endless) == 1.0F);
    CHECK(lamina::math::tanh(-endless) == -1.0F);
    CHECK(lamina::math::tanh(12.5F) == 1.0F);
    CHECK(lamina::math::tanh(1e-30F) == 1e-30F);
    CHECK(lamina::math::tanh(-1.25F) == -lamina::math::tanh(1.25F));
    CHECK(std::isnan(lamina::math::tanh(not_a_number)));
}

TEST_CASE("double precision exp and tanh are the standard library's") {
    for (const double x : {-745.5, -3.25, -1e-9, 0.0, 0.7, 19.5, 710.0}) {
        CHECK(lamina::math::exp(x) == std::exp(x));
        CHECK(lamina::math::tanh(x) == std::tanh(x));
    }
}
