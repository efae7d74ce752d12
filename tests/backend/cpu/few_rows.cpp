// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/few_rows.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <lamina/backend/cpu/matmul.hpp>

#include "backend/cpu/sample.hpp"
#include "support/catch.hpp"

using lamina::bf16;
using lamina::Transpose;
using namespace lamina::cpu;
using lamina_tests::matrix;
using lamina_tests::sample;

TEST_CASE("a row comes out the same whether it is multiplied with few others or none") {
    Context context(2);
    constexpr std::size_t depth = 67;
    constexpr std::size_t cols = 301;
    const auto lhs = sample<float>(FewRows::most * depth, 1);
    const auto rhs = sample<bf16>(depth * cols, 2);
    for (const Transpose as : {Transpose::no, Transpose::yes}) {
        const Operand<const bf16> weight{as == Transpose::no ? matrix(rhs, depth, cols) : matrix(rhs, cols, depth), as};
        std::vector<float> together(FewRows::most * cols);
        using Request = MatmulRequest<float, float, bf16, float>;
        multiply_few_rows(context,
                          Request{matrix(together, FewRows::most, cols), {matrix(lhs, FewRows::most, depth)}, weight});
        for (std::size_t r = 0; r < FewRows::most; ++r) {
            std::vector<float> alone(cols);
            multiply_few_rows(context, Request{matrix(alone, 1, cols), {{lhs.data() + r * depth, 1, depth}}, weight});
            CHECK(std::vector<float>(together.data() + r * cols, together.data() + (r + 1) * cols) == alone);
            for (std::size_t c = 0; c < cols; ++c) {
                double sum = 0;
                for (std::size_t k = 0; k < depth; ++k) {
                    const bf16 w = as == Transpose::no ? rhs[k * cols + c] : rhs[c * depth + k];
                    sum += static_cast<double>(lhs[r * depth + k]) * static_cast<double>(w);
                }
                // At most `depth` roundings of sums below `depth`.
                REQUIRE(std::abs(static_cast<double>(alone[c]) - sum) <= depth * depth * 0x1p-24);
            }
        }
    }
}
