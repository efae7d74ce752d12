// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/finish.hpp>

#include <cmath>
#include <cstddef>

#include <lamina/core/activation.hpp>

#include "backend/cuda/device_matrix.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
using lamina_tests::DeviceMatrix;

namespace {

/// Rows of 304 numbers that start `first` elements after an address that is aligned: in whole packs, or one by one.
void check_sums(std::size_t first) {
    constexpr std::size_t rows = 70, cols = 304;
    Context context(0);
    const auto sum = DeviceMatrix<float>(rows, cols, 304).randomised(1);
    const auto bias = DeviceMatrix<bf16>(1, cols).randomised(2);
    const auto base = DeviceMatrix<bf16>(rows, cols, 312 + first, first).randomised(3);
    const DeviceMatrix<bf16> out(rows, cols, 320 + 3 * first, first);
    finish(context, "AffineProduct",
           Finish<bf16, bf16, bf16>{
               .out = out.view(), .sum = sum.input(), .scale = 0.5, .bias = bias.data(), .base = base.input()});
    std::size_t wrong = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t col = 0; col < cols; ++col) {
            const float z = float(base.view()(row, col)) + (0.5F * sum.view()(row, col) + float(bias.data()[col]));
            wrong += out.view()(row, col).bits == bf16(z).bits ? 0U : 1U;
        }
    }
    CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("finishing scales, adds bias and base, and rounds once", "[cuda][finish]") {
    check_sums(0);
    check_sums(1);
}

TEST_CASE("finishing writes what gelu is taken of, and takes it of what is stored", "[cuda][finish]") {
    Context context(0);
    const auto sum = DeviceMatrix<float>(3, 40).randomised(4);
    const DeviceMatrix<bf16> out(3, 40);
    const DeviceMatrix<bf16> pre(3, 40);
    finish(context, "AffineProduct",
           Finish<bf16, bf16, bf16>{.out = out.view(), .sum = sum.input(), .pre_activation = pre.view()});
    for (std::size_t i = 0; i < 120; ++i) {
        const bf16 z(sum.data()[i]);
        CHECK(pre.data()[i].bits == z.bits);
        CHECK(out.data()[i].bits == bf16(math::gelu(float(z))).bits);
    }
}

TEST_CASE("finishing multiplies the sum and the base by the slope of gelu", "[cuda][finish]") {
    Context context(0);
    const auto at = DeviceMatrix<double>(3, 40).randomised(6);
    const auto sum = DeviceMatrix<double>(3, 40).randomised(7);
    const auto out = DeviceMatrix<double>(3, 40).randomised(8);
    const auto before = out.values();
    finish(context, "GeluBackwardProduct",
           Finish<double, double, double>{
               .out = out.view(), .sum = sum.input(), .base = out.input(), .slope_at = at.input()});
    for (std::size_t i = 0; i < 120; ++i) {
        const double expected = (before[i] + sum.data()[i]) * math::gelu_derivative(at.data()[i]);
        CHECK(std::abs(out.data()[i] - expected) <= 4 * 0x1p-53 * std::abs(expected));
    }
}

TEST_CASE("without a sum there are bias and base, or zero", "[cuda][finish]") {
    Context context(0);
    const auto bias = DeviceMatrix<float>(1, 5).filled([](std::size_t, std::size_t col) { return col; });
    const DeviceMatrix<float> out(2, 5);
    finish(context, "Matmul", Finish<float, float, float>{.out = out.view(), .sum = {}, .scale = 3});
    CHECK(out.values() == std::vector<double>(10, 0.0));
    finish(context, "Matmul", Finish<float, float, float>{.out = out.view(), .sum = {}, .bias = bias.data()});
    CHECK(out.values() == std::vector<double>{0, 1, 2, 3, 4, 0, 1, 2, 3, 4});
}
