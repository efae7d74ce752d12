// SPDX-License-Identifier: MIT
// What conformance does not reach: that sums do not depend on the number of threads, and how well long ones are made.
#include <lamina/backend/cpu/reduction.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

using namespace lamina;
using namespace lamina_tests;

namespace {

struct Itself {
    float operator()(float x) const { return x; }
};

}  // namespace

TEST_CASE("sums over rows and of squares are the same bits for every number of threads") {
    const Filled<float> x(1500, 300, 1);
    std::vector<float> columns;
    double squares = 0;
    for (const std::size_t threads : {1U, 2U, 3U}) {
        CAPTURE(threads);
        cpu::Context context(threads);
        Filled<float> sums(1, x.cols, 2);
        cpu::execute(context, SumRows(sums.view(), Write::overwrite, Itself{}, x.input()));
        const double sum = cpu::execute(context, SumOfSquares(x.input()));
        if (threads == 1) {
            columns = sums.values;
            squares = sum;
        }
        CHECK(sums.values == columns);
        CHECK(sum == squares);
    }
}

TEST_CASE("a sum over many rows does not stop growing where single additions would be lost") {
    // Added one by one in float, ones stop at 2^24.
    constexpr std::size_t rows = (std::size_t{1} << 24U) + 4096;
    const float one = 1;
    float sum = 0;
    cpu::Context context(1);
    cpu::execute(context,
                 SumRows(row_view(&sum, 1), Write::overwrite, Itself{}, MatrixView<const float>(&one, rows, 1, 0)));
    CHECK(sum == static_cast<float>(rows));
}

TEST_CASE("a mean over tokens is made in double") {
    const std::vector<float> values{1e8F, 1, -1e8F, 1};
    cpu::Context context(1);
    const auto mean = [&](Extent extent, Positions positions) {
        double result = -1;
        MeansOverTokens<float> request{.extent = extent};
        request.add({{values.data(), values.size()}, positions, {&result, 1}});
        cpu::execute(context, request);
        return result;
    };
    CHECK(mean({2, 2}, Positions::all) == 0.5);
    CHECK(mean({2, 2}, Positions::first) == 0);
    CHECK(mean({2, 2}, Positions::after_first) == 1);
    CHECK(mean({4, 1}, Positions::after_first) == 0);
}
