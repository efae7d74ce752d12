// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/affine.hpp>

#include <cstddef>
#include <vector>

#include <lamina/backend/cpu/backend.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

using namespace lamina;
using lamina_tests::Filled;

namespace {

struct Sum {
    float operator()(float a, float b) const { return a + b; }
};
struct Gelu {
    float operator()(float x) const { return math::gelu(x); }
};
struct GeluBackward {
    float operator()(float d_y, float x) const { return d_y * math::gelu_derivative(x); }
};

constexpr std::size_t depth = 130;
constexpr std::size_t cols = 530;

/// More rows than the few that have a product of their own, and those few.
constexpr std::size_t row_counts[] = {40, 3};

}  // namespace

TEST_CASE("what follows a product gives the bits of an operation of its own where nothing is rounded between") {
    CpuBackend backend({.threads = 2});
    for (const std::size_t rows : row_counts) {
        const Filled<float> x(rows, depth, 1);
        const Filled<float> weight(depth, cols, 2);
        const Filled<float> bias(1, cols, 3);
        const Filled<float> base(rows, cols, 4);
        const AffineProduct<float, float, float, float> plain{
            .out = {}, .lhs = x.input(), .rhs = weight.input(), .bias = bias.input()};
        Filled<float> separate(rows, cols, 5);
        AffineProduct<float, float, float, float> request = plain;
        request.out = separate.view();
        backend.run(request);
        const std::vector<float> product = separate.values;
        backend.run(Map(separate.view(), Sum{}, separate.input(), base.input()));

        Filled<float> fused(rows, cols, 6);
        request.out = fused.view();
        request.base = base.input();
        backend.run(request);
        CHECK(fused.values == separate.values);

        Filled<float> in_place = base;
        request.out = in_place.view();
        request.base = in_place.input();
        backend.run(request);
        CHECK(in_place.values == separate.values);

        Filled<float> pre(rows, cols, 7);
        request = plain;
        request.out = fused.view();
        request.pre_activation = pre.view();
        backend.run(request);
        CHECK(pre.values == product);
        backend.run(Map(separate.view(), Gelu{}, pre.input()));
        CHECK(fused.values == separate.values);
    }
}

TEST_CASE("the product behind gelu gives the bits of a product and a map") {
    CpuBackend backend({.threads = 2});
    for (const std::size_t rows : row_counts) {
        const Filled<float> d_y(rows, depth, 1);
        const Filled<float> weight(cols, depth, 2);
        const Filled<float> pre(rows, cols, 3);
        Filled<float> separate(rows, cols, 4);
        Filled<float> fused = separate;
        backend.run(Matmul<float, float, float>{.out = separate.view(),
                                                .lhs = d_y.input(),
                                                .rhs = weight.input(),
                                                .rhs_as = Transpose::yes,
                                                .write = Write::accumulate});
        backend.run(Map(separate.view(), GeluBackward{}, separate.input(), pre.input()));
        backend.run(GeluBackwardProduct<float, float, float>{.out = fused.view(),
                                                             .lhs = d_y.input(),
                                                             .rhs = weight.input(),
                                                             .pre_activation = pre.input(),
                                                             .write = Write::accumulate});
        CHECK(fused.values == separate.values);
    }
}
