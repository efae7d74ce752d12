// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/operands.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "backend/cuda/device_matrix.hpp"
#include "cuda_emulation/emulator.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
using lamina_tests::DeviceMatrix;
namespace emulator = lamina_tests::emulator;

namespace {

bool in_scratch(Context& context, const StoredMatrix& matrix) {
    return matrix.data == context.scratch<std::byte>(Scratch::lhs, 1);
}

}  // namespace

TEST_CASE("converting copies every element, rounded, to rows that are aligned", "[cuda][operands]") {
    Context context(0);
    for (const std::size_t cols : {1U, 31U, 300U}) {
        const auto from = DeviceMatrix<double>(70, cols, cols + 3, 1).randomised(cols);
        const MatrixView<bf16> to = converted<bf16>(context, Scratch::lhs, from.input());
        CHECK(aligned(to));
        std::size_t wrong = 0;
        for (std::size_t row = 0; row < 70; ++row) {
            for (std::size_t col = 0; col < cols; ++col) {
                wrong += to(row, col).bits == bf16(static_cast<float>(from.view()(row, col))).bits ? 0U : 1U;
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("more rows than a grid has blocks are all converted", "[cuda][operands]") {
    Context context(0);
    const auto from = DeviceMatrix<bf16>(65535 + 3, 1).filled([](std::size_t row, std::size_t) { return row % 128; });
    const MatrixView<float> to = converted<float>(context, Scratch::lhs, from.input());
    CHECK(to(65534, 0) == 65534 % 128);
    CHECK(to(65537, 0) == 65537 % 128);
}

TEST_CASE("an operand that is right as it is stays where it is", "[cuda][operands]") {
    Context context(0);
    const DeviceMatrix<bf16> dense(4, 16);
    const DeviceMatrix<bf16> odd(4, 15);
    const DeviceMatrix<float> other(4, 16);
    const std::size_t before = emulator::kernels_run();
    CHECK(operand_as<bf16>(context, Scratch::lhs, dense.input(), true).parts[0].data == dense.data());
    CHECK(operand_as<bf16>(context, Scratch::lhs, odd.input(), false).parts[0].data == odd.data());
    CHECK(emulator::kernels_run() == before);
    CHECK(in_scratch(context, operand_as<bf16>(context, Scratch::lhs, odd.input(), true).parts[0]));
    CHECK(in_scratch(context, operand_as<bf16>(context, Scratch::lhs, other.input(), false).parts[0]));
    CHECK(emulator::kernels_run() == before + 2);
}

TEST_CASE("three parts are a float exactly, two are good to 16 bits", "[cuda][operands]") {
    Context context(0);
    const auto from = DeviceMatrix<float>(20, 33).randomised(5);
    const auto sum_of = [](const Operand& operand, std::size_t row, std::size_t col) {
        double sum = 0;
        for (std::size_t p = 0; p < operand.count; ++p) {
            const StoredMatrix& part = operand.parts[p];
            sum += float(static_cast<const bf16*>(part.data)[row * part.stride + col]);
        }
        return sum;
    };
    const Operand three = split_operand<3>(context, Scratch::lhs, from.input());
    const Operand two = split_operand<2>(context, Scratch::rhs, from.input());
    REQUIRE(three.count == 3);
    REQUIRE(two.count == 2);
    double worst = 0;
    for (std::size_t row = 0; row < 20; ++row) {
        for (std::size_t col = 0; col < 33; ++col) {
            const double value = from.view()(row, col);
            CHECK(sum_of(three, row, col) == value);
            worst = std::max(worst, std::abs(sum_of(two, row, col) - value) / std::abs(value));
        }
    }
    CHECK(worst <= 0x1p-16);
    CHECK(worst > 0);
}

TEST_CASE("what is not finite is split without making more of it", "[cuda][operands]") {
    Context context(0);
    constexpr float infinity = std::numeric_limits<float>::infinity();
    constexpr float largest = std::numeric_limits<float>::max();
    const std::array<float, 5> special{infinity, -infinity, std::nanf(""), largest, -largest};
    const auto from = DeviceMatrix<float>(1, 5).filled([&](std::size_t, std::size_t col) { return special[col]; });
    const Operand parts = split_operand<3>(context, Scratch::lhs, from.input());
    const auto part = [&](std::size_t p, std::size_t col) {
        return float(static_cast<const bf16*>(parts.parts[p].data)[col]);
    };
    CHECK(part(0, 0) == infinity);
    CHECK(part(0, 1) == -infinity);
    CHECK(std::isnan(part(0, 2)));
    for (std::size_t p = 1; p < 3; ++p) {
        for (std::size_t col = 0; col < 3; ++col) CHECK(part(p, col) == 0);
    }
    for (std::size_t col = 3; col < 5; ++col) {
        CHECK(std::isfinite(part(0, col)));
        CHECK(double(part(0, col)) + double(part(1, col)) + double(part(2, col)) == double(special[col]));
    }
}

TEST_CASE("a bf16 matrix is its own only part", "[cuda][operands]") {
    Context context(0);
    const DeviceMatrix<bf16> dense(4, 16);
    const Operand operand = split_operand<3>(context, Scratch::lhs, dense.input());
    CHECK(operand.count == 1);
    CHECK(operand.parts[0].data == dense.data());
}
