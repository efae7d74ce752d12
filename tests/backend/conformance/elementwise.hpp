// SPDX-License-Identifier: MIT
// Conformance of map and sum_rows, the two operations that take a function.
#pragma once

#include <array>

#include <lamina/core/host_device.hpp>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

// Named functors: extended lambdas cannot stand in every place that a device compiler is given. Each takes float or
// double only, so that a backend which hands on stored bf16 does not compile.

struct Shifted {
    double amount;  // state must reach the device
    LAMINA_HOST_DEVICE float operator()(float x) const { return x + static_cast<float>(amount); }
    LAMINA_HOST_DEVICE double operator()(double x) const { return x + amount; }
    void operator()(bf16) const = delete;
};

struct Product {
    LAMINA_HOST_DEVICE float operator()(float x, float y) const { return x * y; }
    LAMINA_HOST_DEVICE double operator()(double x, double y) const { return x * y; }
    void operator()(bf16, auto) const = delete;
    void operator()(auto, bf16) const = delete;
};

struct ProductPlus {
    LAMINA_HOST_DEVICE float operator()(float x, float y, float z) const { return x * y + z; }
    LAMINA_HOST_DEVICE double operator()(double x, double y, double z) const { return x * y + z; }
};

/// T is the type of the output and of most inputs, Other that of an operand that comes from the weights.
template <Backend B, class T, class Other>
void verify_map(Size size, Layout layout) {
    const std::size_t rows = size.rows;
    const std::size_t cols = size.cols;
    CAPTURE(rows, cols, int(layout));
    const Grid x = random_grid<T>(rows, cols, 31);
    const Grid y = random_grid<Other>(rows, cols, 32);
    const Grid row = random_grid<Other>(1, cols, 33);
    Expected shifted(rows, cols);
    Expected product(rows, cols);
    Expected product_plus_row(rows, cols);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < cols; ++c) {
            Sum one;
            one.add(x(r, c));
            one.add(0.375);
            expect_sum<T>(shifted, r, c, one);
            Sum two;
            two.add(x(r, c) * y(r, c));
            expect_sum<T>(product, r, c, two);
            Sum three = two;
            three.add(row(0, c));
            expect_sum<T>(product_plus_row, r, c, three);
        }
    }
    verify<B>(Threads::irrelevant, {shifted, product, product_plus_row, shifted, product}, [&](B& backend) {
        OnBackend<T, B> a(backend, x, layout);
        OnBackend<Other, B> b(backend, y, layout);
        OnBackend<Other, B> broadcast(backend, row);
        std::array<OnBackend<T, B>, 3> out{OnBackend<T, B>(backend, unset(rows, cols), layout),
                                           OnBackend<T, B>(backend, unset(rows, cols), layout),
                                           OnBackend<T, B>(backend, unset(rows, cols), layout)};
        backend.run(Map(out[0].view(), Shifted{0.375}, a.input()));
        backend.run(Map(out[1].view(), Product{}, a.input(), b.input()));
        backend.run(Map(out[2].view(), ProductPlus{}, b.input(), a.input(), repeated(broadcast.input(), rows)));

        OnBackend<T, B> in_place(backend, x, layout);
        backend.run(Map(in_place.view(), Shifted{0.375}, in_place.input()));
        OnBackend<T, B> first_in_place(backend, x, layout);
        backend.run(Map(first_in_place.view(), Product{}, first_in_place.input(), b.input()));
        return Grids{out[0].read(), out[1].read(), out[2].read(), in_place.read(), first_in_place.read()};
    });
}

template <Backend B, class T, class Other>
void verify_maps() {
    for (const Size size : sizes) {
        for (const Layout layout : {Layout::dense, Layout::slice}) verify_map<B, T, Other>(size, layout);
    }
}

TEMPLATE_TEST_CASE("map calls the function on compute values, also in place and with a repeated row",
                   "[conformance][map]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_maps<TestType, float, float>(); }
    SECTION("double") { verify_maps<TestType, double, double>(); }
    SECTION("bf16") { verify_maps<TestType, bf16, bf16>(); }
    SECTION("float and bf16") { verify_maps<TestType, float, bf16>(); }
    SECTION("bf16 and float") { verify_maps<TestType, bf16, float>(); }
}

template <Backend B, class Out, class In>
void verify_sum_rows(Size size, Layout layout) {
    const std::size_t rows = size.rows;
    const std::size_t cols = size.cols;
    CAPTURE(rows, cols, int(layout));
    const Grid x = random_grid<In>(rows, cols, 34);
    const Grid y = random_grid<In>(rows, cols, 35);
    const Grid row = random_grid<In>(1, cols, 36);
    const Grid before = random_grid<Out>(1, cols, 37);
    Expected sums(1, cols);
    Expected added_products(1, cols);
    Expected scaled_sums(1, cols);
    for (std::size_t c = 0; c < cols; ++c) {
        Sum sum;
        Sum products;
        Sum scaled;
        products.add(before(0, c));
        for (std::size_t r = 0; r < rows; ++r) {
            sum.add(x(r, c) + 0.25, std::abs(x(r, c)) + 0.25);
            products.add(x(r, c) * y(r, c));
            scaled.add(x(r, c) * row(0, c));
        }
        expect_sum<Out>(sums, 0, c, sum);
        expect_sum<Out>(added_products, 0, c, products);
        expect_sum<Out>(scaled_sums, 0, c, scaled);
    }
    verify<B>(Threads::may_matter, {sums, added_products, scaled_sums}, [&](B& backend) {
        OnBackend<In, B> a(backend, x, layout);
        OnBackend<In, B> b(backend, y, layout);
        OnBackend<In, B> broadcast(backend, row);
        OnBackend<Out, B> overwritten(backend, unset(1, cols), layout);
        OnBackend<Out, B> added_to(backend, before, layout);
        OnBackend<Out, B> scaled(backend, unset(1, cols), layout);
        backend.run(SumRows(overwritten.view(), Write::overwrite, Shifted{0.25}, a.input()));
        backend.run(SumRows(added_to.view(), Write::accumulate, Product{}, a.input(), b.input()));
        backend.run(SumRows(scaled.view(), Write::overwrite, Product{}, a.input(), repeated(broadcast.input(), rows)));
        return Grids{overwritten.read(), added_to.read(), scaled.read()};
    });
}

template <Backend B, class Out, class In>
void verify_sums_of_rows() {
    for (const Size size : sizes) {
        for (const Layout layout : {Layout::dense, Layout::slice}) verify_sum_rows<B, Out, In>(size, layout);
    }
    verify_sum_rows<B, Out, In>({1031, 3}, Layout::dense);
}

TEMPLATE_TEST_CASE("sum_rows adds up the function of every row", "[conformance][sum_rows]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_sums_of_rows<TestType, float, float>(); }
    SECTION("double") { verify_sums_of_rows<TestType, double, double>(); }
    SECTION("bf16") { verify_sums_of_rows<TestType, bf16, bf16>(); }
    SECTION("bf16 to float") { verify_sums_of_rows<TestType, float, bf16>(); }
}

}  // namespace lamina_tests::conformance
