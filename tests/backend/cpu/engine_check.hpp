// SPDX-License-Identifier: MIT
// check_engine: every kind of product that a matrix engine is asked for, against sums written out.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <lamina/backend/cpu/product.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

namespace lamina_tests {

/// The operands lie in wider matrices, and the output too: what is not part of it must stay as it is.
template <class Engine, class Compute>
void check_engine(std::size_t rows, std::size_t depth, std::size_t cols) {
    using lamina::MatrixView;
    using lamina::Transpose;
    using lamina::Write;
    const std::size_t stride = depth + cols + rows + 3;
    const auto lhs = Filled<Compute>(1, (depth + rows) * stride, 1).values;
    const auto rhs = Filled<Compute>(1, (depth + cols) * stride, 2).values;
    const auto before = Filled<Compute>(1, rows * stride, 3).values;
    const auto operand = [&](const std::vector<Compute>& values, std::size_t height, std::size_t width, Transpose as) {
        const bool swap = as == Transpose::yes;
        return lamina::cpu::Operand<const Compute>{
            {values.data() + 1, swap ? width : height, swap ? height : width, stride}, as};
    };
    for (const Transpose lhs_as : {Transpose::no, Transpose::yes}) {
        for (const Transpose rhs_as : {Transpose::no, Transpose::yes}) {
            for (const Write write : {Write::overwrite, Write::accumulate}) {
                auto out = before;
                const auto a = operand(lhs, rows, depth, lhs_as);
                const auto b = operand(rhs, depth, cols, rhs_as);
                Engine::multiply(lamina::cpu::Product<Compute>{MatrixView<Compute>(out.data() + 1, rows, cols, stride),
                                                               a, b, write});
                for (std::size_t i = 0; i < out.size(); ++i) {
                    const std::size_t r = i / stride;
                    if (i % stride < 1 || i % stride > cols) {
                        REQUIRE(out[i] == before[i]);
                        continue;
                    }
                    const std::size_t c = i % stride - 1;
                    double sum = write == Write::accumulate ? static_cast<double>(before[i]) : 0.0;
                    for (std::size_t k = 0; k < depth; ++k) {
                        const Compute left = lhs_as == Transpose::no ? a.stored(r, k) : a.stored(k, r);
                        const Compute right = rhs_as == Transpose::no ? b.stored(k, c) : b.stored(c, k);
                        sum += static_cast<double>(left) * static_cast<double>(right);
                    }
                    // Each of depth + 1 additions and products rounds by at most half an epsilon of depth + 1.
                    const auto terms = static_cast<double>(depth + 1);
                    const double bound = terms * terms * static_cast<double>(std::numeric_limits<Compute>::epsilon());
                    REQUIRE(std::abs(static_cast<double>(out[i]) - sum) <= bound);
                }
            }
        }
    }
}

template <class Engine, class Compute>
void check_engine() {
    check_engine<Engine, Compute>(1, 1, 1);
    check_engine<Engine, Compute>(1, 5, 33);
    check_engine<Engine, Compute>(17, 3, 1);
    check_engine<Engine, Compute>(64, 16, 64);
    check_engine<Engine, Compute>(31, 67, 129);
}

}  // namespace lamina_tests
