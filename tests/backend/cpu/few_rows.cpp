// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/few_rows.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <lamina/backend/cpu/matmul.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

using lamina::bf16;
using lamina::MatrixView;
using lamina::Transpose;
using namespace lamina::cpu;
using lamina_tests::Filled;

TEST_CASE("a row comes out the same whether it is multiplied with few others or none") {
    Context context(2);
    constexpr std::size_t depth = 67;
    constexpr std::size_t cols = 301;
    const Filled<float> lhs(FewRows::most, depth, 1);
    for (const Transpose as : {Transpose::no, Transpose::yes}) {
        const Filled<bf16> rhs(as == Transpose::no ? depth : cols, as == Transpose::no ? cols : depth, 2);
        const Operand<const bf16> weight{rhs.input(), as};
        std::vector<float> together(FewRows::most * cols);
        using Request = MatmulRequest<float, float, bf16, float>;
        multiply_few_rows(context,
                          Request{MatrixView<float>(together.data(), FewRows::most, cols), {lhs.input()}, weight});
        for (std::size_t r = 0; r < FewRows::most; ++r) {
            std::vector<float> alone(cols);
            multiply_few_rows(
                context, Request{MatrixView<float>(alone.data(), 1, cols), {lhs.input().middle_rows(r, 1)}, weight});
            CHECK(std::vector<float>(together.data() + r * cols, together.data() + (r + 1) * cols) == alone);
            for (std::size_t c = 0; c < cols; ++c) {
                double sum = 0;
                for (std::size_t k = 0; k < depth; ++k) {
                    sum += lhs(r, k) * (as == Transpose::no ? rhs(k, c) : rhs(c, k));
                }
                // At most `depth` roundings of sums below `depth`.
                REQUIRE(std::abs(static_cast<double>(alone[c]) - sum) <= depth * depth * 0x1p-24);
            }
        }
    }
}
