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

/// How a product reads its operands and leaves its result.
struct ProductKind {
    Transpose lhs_as = Transpose::no;
    Transpose rhs_as = Transpose::no;
    Write write = Write::overwrite;
};

template <Backend B, class Out, class Lhs, class Rhs>
void verify_product(ProductShape shape, ProductKind kind, Layout layout) {
    const std::size_t m = shape.m;
    const std::size_t n = shape.n;
    CAPTURE(m, n, shape.k, int(kind.lhs_as), int(kind.rhs_as), int(kind.write), int(layout));
    const Grid lhs = random_grid<Lhs>(m, shape.k, 21);
    const Grid rhs = random_grid<Rhs>(shape.k, n, 22);
    const bool adds = kind.write == Write::accumulate;
    const Grid before = adds ? random_grid<Out>(m, n, 23) : unset(m, n);

    verify<B>(Threads::may_matter, {reference_product<Out>(adds ? before : Grid(m, n), lhs, rhs)}, [&](B& backend) {
        OnBackend<Lhs, B> a(backend, kind.lhs_as == Transpose::yes ? transposed(lhs) : lhs, layout);
        OnBackend<Rhs, B> b(backend, kind.rhs_as == Transpose::yes ? transposed(rhs) : rhs, layout);
        OnBackend<Out, B> out(backend, before, layout);
        backend.run(Matmul<Out, Lhs, Rhs>{.out = out.view(),
                                          .lhs = a.input(),
                                          .rhs = b.input(),
                                          .lhs_as = kind.lhs_as,
                                          .rhs_as = kind.rhs_as,
                                          .write = kind.write});
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

TEMPLATE_TEST_CASE("a request that does not fit is refused before the device sees it", "[conformance][matmul]",
                   LAMINA_BACKEND_UNDER_TEST) {
    TestType backend = UnderTest<TestType>::with_threads(2);
    OnBackend<float, TestType> two_by_three(backend, Grid(2, 3, 1));
    OnBackend<float, TestType> square(backend, Grid(2, 2, 1));
    const auto request = [&](Transpose rhs_as) {
        return Matmul<float, float, float>{
            .out = square.view(), .lhs = two_by_three.input(), .rhs = two_by_three.input(), .rhs_as = rhs_as};
    };
    CHECK_NOTHROW(backend.run(request(Transpose::yes)));
    CHECK(same_bits(square.read(), Grid(2, 2, 3)));
    CHECK_THROWS_AS(backend.run(request(Transpose::no)), ContractViolation);
}

}  // namespace lamina_tests::conformance
