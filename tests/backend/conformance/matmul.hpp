// SPDX-License-Identifier: MIT
// Conformance of plain matrix products: matmul.
#pragma once

#include <array>
#include <span>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

/// out [m, n] = op(lhs) [m, k] · op(rhs) [k, n].
struct ProductShape {
    std::size_t m;
    std::size_t n;
    std::size_t k;
};

/// Sizes 0, 1, prime, beside a vector's width and larger than a tile, in each of the three places; very few rows and
/// very deep sums, which backends treat on their own.
inline constexpr std::array<ProductShape, 13> product_shapes{{{0, 3, 2},
                                                              {3, 0, 2},
                                                              {3, 2, 0},
                                                              {1, 1, 1},
                                                              {1, 17, 7},
                                                              {3, 259, 45},
                                                              {13, 1, 31},
                                                              {15, 16, 17},
                                                              {7, 19, 1031},
                                                              {67, 33, 130},
                                                              {33, 521, 70},
                                                              {1031, 37, 40},
                                                              {130, 257, 64}}};

/// Few enough for a sanitizer: operands that are converted, split or gathered first, and results that are finished.
inline constexpr std::array<ProductShape, 2> few_products{{{3, 9, 5}, {15, 16, 17}}};

[[nodiscard]] inline Grid transposed(const Grid& grid) {
    Grid result(grid.cols, grid.rows);
    for (std::size_t row = 0; row < grid.rows; ++row) {
        for (std::size_t col = 0; col < grid.cols; ++col) result(col, row) = grid(row, col);
    }
    return result;
}

/// start + lhs · rhs, start being [m, n] or one row.
template <class Out>
[[nodiscard]] Expected reference_product(const Grid& start, const Grid& lhs, const Grid& rhs) {
    Expected expected(lhs.rows, rhs.cols);
    const Grid rhs_columns = transposed(rhs);
    for (std::size_t row = 0; row < lhs.rows; ++row) {
        for (std::size_t col = 0; col < rhs.cols; ++col) {
            Sum sum;
            sum.add(start(start.rows == 1 ? 0 : row, col));
            for (std::size_t i = 0; i < lhs.cols; ++i) sum.add(lhs(row, i) * rhs_columns(col, i));
            expect_sum<Out>(expected, row, col, sum);
        }
    }
    return expected;
}

template <Backend B, class Out, class Lhs, class Rhs>
void verify_product(ProductShape shape, MatmulOptions options, Layout layout) {
    const std::size_t m = shape.m;
    const std::size_t n = shape.n;
    CAPTURE(m, n, shape.k, int(options.lhs_as), int(options.rhs_as), int(options.write), int(layout));
    const Grid lhs = random_grid<Lhs>(m, shape.k, 21);
    const Grid rhs = random_grid<Rhs>(shape.k, n, 22);
    const bool adds = options.write == Write::accumulate;
    const Grid before = adds ? random_grid<Out>(m, n, 23) : unset(m, n);

    verify<B>(Threads::may_matter, {reference_product<Out>(adds ? before : Grid(m, n), lhs, rhs)}, [&](B& backend) {
        OnBackend<Lhs, B> a(backend, options.lhs_as == Transpose::yes ? transposed(lhs) : lhs, layout);
        OnBackend<Rhs, B> b(backend, options.rhs_as == Transpose::yes ? transposed(rhs) : rhs, layout);
        OnBackend<Out, B> out(backend, before, layout);
        backend.matmul(out.view(), a.input(), b.input(), options);
        return Grids{out.read()};
    });
}

template <Backend B, class Out, class Lhs, class Rhs>
void verify_products(std::span<const ProductShape> shapes = product_shapes) {
    for (const ProductShape shape : shapes) {
        for (const Transpose lhs_as : {Transpose::no, Transpose::yes}) {
            for (const Transpose rhs_as : {Transpose::no, Transpose::yes}) {
                for (const Write write : {Write::overwrite, Write::accumulate}) {
                    // Alternating, so that every transpose meets both layouts without running everything twice.
                    const bool sliced = (shape.k % 2 == 0) == (write == Write::accumulate);
                    verify_product<B, Out, Lhs, Rhs>(shape, {lhs_as, rhs_as, write},
                                                     sliced ? Layout::slice : Layout::dense);
                }
            }
        }
    }
}

TEMPLATE_TEST_CASE("matmul agrees with a naive product for every transpose, overwriting and adding",
                   "[conformance][matmul]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("all float") { verify_products<TestType, float, float, float>(); }
    SECTION("all double") { verify_products<TestType, double, double, double>(); }
    SECTION("all bf16") { verify_products<TestType, bf16, bf16, bf16>(); }
    SECTION("float activations, bf16 weights") { verify_products<TestType, float, float, bf16>(); }
    SECTION("bf16 operands, float result") { verify_products<TestType, float, bf16, bf16>(); }
    SECTION("float gradient, bf16 operand and result") { verify_products<TestType, bf16, float, bf16>(); }
}

TEMPLATE_TEST_CASE("a small product agrees whatever its operands are", "[conformance][operands]",
                   LAMINA_BACKEND_UNDER_TEST) {
    verify_products<TestType, float, float, float>(few_products);
    verify_products<TestType, float, float, bf16>(few_products);
    verify_products<TestType, bf16, float, bf16>(few_products);
}

TEMPLATE_TEST_CASE("a matrix product of shapes that do not fit is a caller's bug", "[conformance][matmul]",
                   LAMINA_BACKEND_UNDER_TEST) {
    TestType backend = UnderTest<TestType>::with_threads(2);
    OnBackend<float, TestType> two_by_three(backend, Grid(2, 3, 1));
    OnBackend<float, TestType> three_by_two(backend, Grid(3, 2, 1));
    OnBackend<float, TestType> square(backend, Grid(2, 2, 1));
    const auto a = two_by_three.input();
    const auto b = three_by_two.input();
    const auto out = square.view();

    CHECK_NOTHROW(backend.matmul(out, a, b, {}));
    CHECK_THROWS_AS(backend.matmul(out, a, a, {}), ContractViolation);
    CHECK_THROWS_AS(backend.matmul(out, b, a, {}), ContractViolation);
    CHECK_THROWS_AS(backend.matmul(out, a, b, {.lhs_as = Transpose::yes}), ContractViolation);
    CHECK_THROWS_AS(backend.matmul(out, a, b, {.rhs_as = Transpose::yes}), ContractViolation);
    CHECK_THROWS_AS(backend.matmul(three_by_two.view(), a, b, {}), ContractViolation);
}

}  // namespace lamina_tests::conformance
