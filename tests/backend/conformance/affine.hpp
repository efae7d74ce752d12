// SPDX-License-Identifier: MIT
// Conformance of matrix products that do more than multiply: affine_product and matmul_gelu_backward.
#pragma once

#include <array>
#include <cmath>

#include <lamina/core/activation.hpp>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/matmul.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

enum class BaseAs { absent, given, output };

/// Which of the optional parts of an affine product are asked for.
struct AffineParts {
    bool bias;
    BaseAs base;
    double scale;
    bool pre_activation;
};

inline constexpr std::array<AffineParts, 7> affine_parts{{{false, BaseAs::absent, 1, false},
                                                          {true, BaseAs::absent, 1, false},
                                                          {true, BaseAs::given, 1, false},
                                                          {true, BaseAs::output, 1, false},
                                                          {false, BaseAs::given, 0.375, false},
                                                          {true, BaseAs::absent, 1, true},
                                                          {true, BaseAs::output, -2.5, true}}};

/// scale · lhs · rhs + bias + base; bias and base are zero where there is none.
template <class Out>
[[nodiscard]] Expected reference_affine(const Grid& lhs, const Grid& rhs, double scale, const Grid& bias,
                                        const Grid& base) {
    Expected expected(lhs.rows, rhs.cols);
    const Grid rhs_columns = transposed(rhs);
    for (std::size_t row = 0; row < lhs.rows; ++row) {
        for (std::size_t col = 0; col < rhs.cols; ++col) {
            Sum sum;
            sum.add(bias(0, col));
            sum.add(base(row, col));
            for (std::size_t i = 0; i < lhs.cols; ++i) sum.add(scale * lhs(row, i) * rhs_columns(col, i));
            expect_sum<Out>(expected, row, col, sum);
        }
    }
    return expected;
}

/// gelu of what is stored, given that within a bound. Its slope is below 1.13; tanh is good to a few units in the last
/// place, of which 1 + tanh, near -1, keeps the absolute error.
template <class Out>
[[nodiscard]] Expected reference_gelu(const Expected& pre_activation) {
    Expected expected(pre_activation.value.rows, pre_activation.value.cols);
    for (std::size_t i = 0; i < expected.value.values.size(); ++i) {
        const double z = pre_activation.value.values[i];
        const double error = 1.13 * pre_activation.bound.values[i] + 8 * roundoff<ComputeOf<Out>> * (1 + std::abs(z));
        expected.value.values[i] = math::gelu(z);
        expected.bound.values[i] = rounded_once<Out>(expected.value.values[i], error);
    }
    return expected;
}

template <Backend B, class Out, class Lhs, class Rhs, class Bias, class Base>
void verify_affine(ProductShape shape, const AffineParts& parts, Layout layout) {
    const std::size_t m = shape.m;
    const std::size_t n = shape.n;
    CAPTURE(m, n, shape.k, parts.bias, int(parts.base), parts.scale, parts.pre_activation, int(layout));
    const Grid lhs = random_grid<Lhs>(m, shape.k, 24);
    const Grid rhs = random_grid<Rhs>(shape.k, n, 25);
    const Grid bias = random_grid<Bias>(1, n, 26);
    const Grid base = random_grid<Base>(m, n, 27);
    const bool in_place = parts.base == BaseAs::output;
    const Expected z = reference_affine<Out>(lhs, rhs, parts.scale, parts.bias ? bias : Grid(1, n),
                                             parts.base == BaseAs::absent ? Grid(m, n) : base);
    const Expected unwritten(Grid(m, n));

    verify<B>(Threads::may_matter,
              {parts.pre_activation ? reference_gelu<Out>(z) : z, parts.pre_activation ? z : unwritten},
              [&](B& backend) {
                  OnBackend<Lhs, B> a(backend, lhs, layout);
                  OnBackend<Rhs, B> b(backend, rhs, layout);
                  OnBackend<Bias, B> c(backend, bias);
                  OnBackend<Base, B> start(backend, base, layout);
                  OnBackend<Out, B> out(backend, in_place ? base : unset(m, n), layout);
                  OnBackend<Out, B> pre(backend, parts.pre_activation ? unset(m, n) : Grid(m, n), layout);
                  AffineProduct<Out, Lhs, Rhs, Bias, Base> request{
                      .out = out.view(), .lhs = a.input(), .rhs = b.input(), .scale = parts.scale};
                  if (parts.bias) request.bias = c.input();
                  if (parts.base == BaseAs::given) request.base = start.input();
                  if constexpr (std::is_same_v<Base, Out>) {
                      if (in_place) request.base = out.input();
                  }
                  if (parts.pre_activation) request.pre_activation = pre.view();
                  backend.run(request);
                  return Grids{out.read(), pre.read()};
              });
}

template <Backend B, class Out, class Lhs, class Rhs, class Bias, class Base>
void verify_affines() {
    for (const ProductShape shape : product_shapes) {
        for (const AffineParts& parts : affine_parts) {
            // The base can only be the output where both are stored alike.
            if (parts.base == BaseAs::output && !std::is_same_v<Base, Out>) continue;
            const bool sliced = (shape.k % 2 == 0) == (parts.scale == 1);
            verify_affine<B, Out, Lhs, Rhs, Bias, Base>(shape, parts, sliced ? Layout::slice : Layout::dense);
        }
    }
}

TEMPLATE_TEST_CASE("affine_product scales the product, adds bias and base, and applies gelu, rounding the sum once",
                   "[conformance][affine]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("all float") { verify_affines<TestType, float, float, float, float, float>(); }
    SECTION("all double") { verify_affines<TestType, double, double, double, double, double>(); }
    SECTION("all bf16") { verify_affines<TestType, bf16, bf16, bf16, bf16, bf16>(); }
    SECTION("bf16 weights") { verify_affines<TestType, float, float, bf16, bf16, float>(); }
    SECTION("bf16 weights, float bias") { verify_affines<TestType, float, float, bf16, float, float>(); }
    SECTION("bf16 into a float stream") { verify_affines<TestType, float, bf16, bf16, bf16, float>(); }
    SECTION("float factors, bf16 sum on a bf16 base") { verify_affines<TestType, bf16, float, float, bf16, bf16>(); }
    SECTION("float factors, float sum on a bf16 base") { verify_affines<TestType, float, float, float, bf16, bf16>(); }
    SECTION("bf16 factors, float sum on a bf16 base") { verify_affines<TestType, float, bf16, bf16, bf16, bf16>(); }
    SECTION("bf16 activations, float weights") { verify_affines<TestType, bf16, bf16, float, bf16, bf16>(); }
    SECTION("bf16 into a float stream that starts in bf16") {
        verify_affines<TestType, float, bf16, float, bf16, bf16>();
    }
}

TEMPLATE_TEST_CASE("affine_product without a sum leaves bias and base", "[conformance][affine]",
                   LAMINA_BACKEND_UNDER_TEST) {
    TestType backend = UnderTest<TestType>::with_threads(1);
    for (const std::size_t rows : {3U, 70U}) {
        OnBackend<float, TestType> lhs(backend, Grid(rows, 0));
        OnBackend<float, TestType> rhs(backend, Grid(0, 5));
        OnBackend<float, TestType> bias(backend, Grid(1, 5, 0.25));
        OnBackend<float, TestType> base(backend, Grid(rows, 5, 2));
        OnBackend<float, TestType> out(backend, unset(rows, 5));
        backend.run(AffineProduct<float, float, float, float>{.out = out.view(),
                                                              .lhs = lhs.input(),
                                                              .rhs = rhs.input(),
                                                              .bias = bias.input(),
                                                              .base = base.input(),
                                                              .scale = 3});
        CHECK(same_bits(out.read(), Grid(rows, 5, 2.25)));
    }
}

/// (start + lhs · rhsᵀ) · gelu'(z), z exact. For |z| ≤ 3 the derivative takes up to six times the error of tanh, three
/// units in the last place, and as much again from its argument.
template <class Out>
[[nodiscard]] Expected reference_gelu_backward(const Grid& start, const Grid& lhs, const Grid& rhs, const Grid& z) {
    constexpr double derivative_error = 64 * roundoff<ComputeOf<Out>>;
    Expected expected(lhs.rows, rhs.rows);
    for (std::size_t row = 0; row < lhs.rows; ++row) {
        for (std::size_t col = 0; col < rhs.rows; ++col) {
            Sum sum;
            sum.add(start(row, col));
            for (std::size_t i = 0; i < lhs.cols; ++i) sum.add(lhs(row, i) * rhs(col, i));
            const double slope = math::gelu_derivative(z(row, col));
            const double error =
                sum_error<Out>(sum.length) * sum.magnitude * std::abs(slope) + derivative_error * sum.magnitude;
            expected.value(row, col) = sum.value * slope;
            expected.bound(row, col) = rounded_once<Out>(sum.value * slope, error);
        }
    }
    return expected;
}

template <Backend B, class Out, class Lhs, class Rhs>
void verify_gelu_backward(ProductShape shape, Write write, Layout layout) {
    const std::size_t m = shape.m;
    const std::size_t n = shape.n;
    CAPTURE(m, n, shape.k, int(write), int(layout));
    const Grid lhs = random_grid<Lhs>(m, shape.k, 28);
    const Grid rhs = random_grid<Rhs>(n, shape.k, 29);
    const Grid z = random_grid<Out>(m, n, 30, {-3, 3});
    const bool adds = write == Write::accumulate;
    const Grid before = adds ? random_grid<Out>(m, n, 31) : unset(m, n);
    verify<B>(
        Threads::may_matter, {reference_gelu_backward<Out>(adds ? before : Grid(m, n), lhs, rhs, z)}, [&](B& backend) {
            OnBackend<Lhs, B> a(backend, lhs, layout);
            OnBackend<Rhs, B> b(backend, rhs, layout);
            OnBackend<Out, B> pre(backend, z, layout);
            OnBackend<Out, B> out(backend, before, layout);
            backend.run(GeluBackwardProduct<Out, Lhs, Rhs>{
                .out = out.view(), .lhs = a.input(), .rhs = b.input(), .pre_activation = pre.input(), .write = write});
            return Grids{out.read()};
        });
}

template <Backend B, class Out, class Lhs, class Rhs>
void verify_gelus_backward() {
    for (const ProductShape shape : product_shapes) {
        for (const Write write : {Write::overwrite, Write::accumulate}) {
            for (const Layout layout : {Layout::dense, Layout::slice}) {
                verify_gelu_backward<B, Out, Lhs, Rhs>(shape, write, layout);
            }
        }
    }
}

TEMPLATE_TEST_CASE("matmul_gelu_backward multiplies the sum with the derivative of gelu, rounding once",
                   "[conformance][affine]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("all float") { verify_gelus_backward<TestType, float, float, float>(); }
    SECTION("all double") { verify_gelus_backward<TestType, double, double, double>(); }
    SECTION("all bf16") { verify_gelus_backward<TestType, bf16, bf16, bf16>(); }
    SECTION("float activations, bf16 weights") { verify_gelus_backward<TestType, float, float, bf16>(); }
    SECTION("bf16 activations, float weights") { verify_gelus_backward<TestType, bf16, bf16, float>(); }
}

}  // namespace lamina_tests::conformance
