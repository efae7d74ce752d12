// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/matmul.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

using lamina::bf16;
using lamina::MatrixView;
using namespace lamina::cpu;
using lamina_tests::Filled;

namespace {

template <class Engine, class Weight>
std::vector<float> product(std::size_t threads, std::size_t rows, std::size_t depth, std::size_t cols,
                           const std::vector<Weight>& weight) {
    Context context(threads);
    const Filled<float> x(rows, depth, 1);
    const Filled<float> bias(1, cols, 3);
    std::vector<float> out(rows * cols);
    using Request = MatmulRequest<float, float, Weight, float>;
    matmul<float, float, Weight, float, Engine>(context,
                                                Request{.out = MatrixView<float>(out.data(), rows, cols),
                                                        .lhs = {x.input()},
                                                        .rhs = {MatrixView<const Weight>(weight.data(), depth, cols)},
                                                        .bias = bias.values.data()});
    return out;
}

}  // namespace

TEST_CASE("both engines and all numbers of threads give the same product up to rounding") {
    constexpr std::size_t rows = 40;
    constexpr std::size_t depth = 130;
    constexpr std::size_t cols = 530;
    const auto weight = Filled<float>(depth, cols, 2).values;
    const auto by_eigen = product<EigenEngine>(1, rows, depth, cols, weight);
    for (const std::size_t threads : {1U, 2U, 5U}) {
        const auto other = product<EngineFor<float>>(threads, rows, depth, cols, weight);
        for (std::size_t i = 0; i < other.size(); ++i) {
            // Twice `depth` roundings of sums below `depth`, half an epsilon each.
            REQUIRE(std::abs(other[i] - by_eigen[i]) <= depth * depth * 0x1p-23F);
        }
    }
}

TEST_CASE("an expanded weight gives what the same weight stored in single precision gives") {
    // Deeper than a panel, so that the sum of each output is made in several parts.
    constexpr std::size_t rows = 8;
    constexpr std::size_t depth = 2 * Tiling::panel_depth + 100;
    constexpr std::size_t cols = 64;
    const auto narrow = Filled<bf16>(depth, cols, 2).values;
    const std::vector<float> wide(narrow.begin(), narrow.end());
    const auto expanded = product<EngineFor<float>>(2, rows, depth, cols, narrow);
    const auto direct = product<EngineFor<float>>(2, rows, depth, cols, wide);
    for (std::size_t i = 0; i < direct.size(); ++i) {
        // Sums of `depth` terms of variance 1/9 stay below 6 · sqrt(depth / 9); `depth` roundings of those.
        REQUIRE(std::abs(expanded[i] - direct[i]) <= depth * 2 * std::sqrt(static_cast<float>(depth)) * 0x1p-24F);
    }
}
