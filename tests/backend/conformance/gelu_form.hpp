// SPDX-License-Identifier: MIT
// Conformance of the gelu inside products: it is the tanh form, which sums that are known exactly tell from the other.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>

#include <lamina/core/activation.hpp>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

/// The multiples of 1/8 from -8 to 8: bf16 has them all. A square of 16 columns, so that every backend's matrix units
/// can do it.
[[nodiscard]] inline Grid eighths() {
    Grid grid(16, 16);
    for (std::size_t i = 0; i < grid.values.size(); ++i) {
        grid.values[i] = (static_cast<double>(i % 129) - 64) / 8;
    }
    return grid;
}
[[nodiscard]] inline Grid identity(std::size_t size) {
    Grid grid(size, size);
    for (std::size_t i = 0; i < size; ++i) grid(i, i) = 1;
    return grid;
}

/// The tanh form as it is written, apart from core/gelu.hpp, and the exact one.
[[nodiscard]] inline double tanh_form(double x) {
    return x / 2 * (1 + std::tanh(std::sqrt(2 / 3.141592653589793) * (x + 0.044715 * x * x * x)));
}
[[nodiscard]] inline double exact_form(double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }
/// By a step for which truncation and cancellation are below 1e-9, far under what is granted.
template <double (*f)(double)>
[[nodiscard]] double slope_of(double x) {
    constexpr double step = 1e-5;
    return (f(x + step) - f(x - step)) / (2 * step);
}

/// The relative error of the tanh instruction of GPUs (PTX ISA, tanh.approx.f32), which a library may use.
inline constexpr double tanh_error = 0x1p-11;

/// What a function is granted at x, where it multiplies tanh by `factor`.
template <class T>
[[nodiscard]] double granted(double x, double factor) {
    return tanh_error * factor + 8 * roundoff<ComputeOf<T>> * (1 + std::abs(x));
}

/// Σ (found - f(x))² where x is negative: results are small there, and rounding them does not hide how f differs.
[[nodiscard]] inline double distance(const Grid& found, const Grid& x, double (*f)(double)) {
    double sum = 0;
    for (std::size_t i = 0; i < x.values.size(); ++i) {
        if (x.values[i] >= 0) continue;
        const double difference = found.values[i] - f(x.values[i]);
        sum += difference * difference;
    }
    return sum;
}

template <Backend B, class T>
void verify_gelu_form() {
    const Grid z = eighths();
    Expected values_there(16, 16);
    Expected slopes_there(16, 16);
    for (std::size_t i = 0; i < z.values.size(); ++i) {
        const double x = z.values[i];
        values_there.value.values[i] = tanh_form(x);
        values_there.bound.values[i] = rounded_once<T>(tanh_form(x), granted<T>(x, std::abs(x) / 2));
        const double slope = slope_of<tanh_form>(x);
        const double factor = 0.5 + std::abs(x) * 0.8 * (1 + 0.1342 * x * x);
        slopes_there.value.values[i] = slope;
        slopes_there.bound.values[i] = rounded_once<T>(slope, granted<T>(x, factor));
    }

    B backend = UnderTest<B>::with_threads(1);
    OnBackend<T, B> unit(backend, identity(16));
    OnBackend<T, B> at(backend, z);
    OnBackend<T, B> out(backend, unset(16, 16));
    OnBackend<T, B> pre(backend, unset(16, 16));
    backend.run(AffineProduct<T, T, T, T>{
        .out = out.view(), .lhs = at.input(), .rhs = unit.input(), .pre_activation = pre.view()});
    CHECK(same_bits(pre.read(), z));
    const Grid forward = out.read();
    CHECK(mismatch(forward, values_there) == "");
    CHECK(distance(forward, z, tanh_form) < distance(forward, z, exact_form));

    // The gradient is 1 everywhere, so that the slope itself comes out.
    OnBackend<T, B> ones(backend, Grid(16, 16, 1));
    OnBackend<T, B> sixteenths(backend, Grid(16, 16, 1.0 / 16));
    backend.run(GeluBackwardProduct<T, T, T>{
        .out = out.view(), .lhs = ones.input(), .rhs = sixteenths.input(), .pre_activation = at.input()});
    const Grid backward = out.read();
    CHECK(mismatch(backward, slopes_there) == "");
    CHECK(distance(backward, z, slope_of<tanh_form>) < distance(backward, z, slope_of<exact_form>));
}

TEMPLATE_TEST_CASE("gelu in a product is the tanh form", "[conformance][affine]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("bf16") { verify_gelu_form<TestType, bf16>(); }
    SECTION("float") { verify_gelu_form<TestType, float>(); }
}

}  // namespace lamina_tests::conformance
