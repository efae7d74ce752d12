// SPDX-License-Identifier: MIT
// What conformance does not reach: matrices of many blocks, without gaps and with, and rows that are not there.
#include <lamina/backend/cpu/elementwise.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

#include <lamina/core/bfloat16.hpp>

#include <algorithm>
#include <cstddef>

using namespace lamina;
using namespace lamina_tests;

namespace {

struct Sum {
    float operator()(float x, float y) const { return x + y; }
};

}  // namespace

TEST_CASE("map reaches every element of a matrix of many blocks, dense or with gaps, in place or not") {
    cpu::Context context(3);
    for (const std::size_t cols : {9000U, 8999U}) {  // all columns of the matrix, and all but one
        CAPTURE(cols);
        const Filled<float> x(5, 9000, 1);
        const Filled<bf16> y(1, 9000, 2);
        Filled<float> out = x;
        const auto target = out.view().columns(0, cols);
        const MatrixView<const bf16> repeated(y.values.data(), 5, cols, 0);
        cpu::execute(context, Map(target, Sum{}, MatrixView<const float>(target), repeated));
        std::size_t wrong = 0;
        for (std::size_t r = 0; r < 5; ++r) {
            for (std::size_t c = 0; c < 9000; ++c) {
                const auto before = static_cast<float>(x(r, c));
                const float expected = c < cols ? before + static_cast<float>(y(0, c)) : before;
                wrong += static_cast<float>(out(r, c)) == expected ? 0U : 1U;
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("fill and convert leave the columns beside a slice alone") {
    cpu::Context context(2);
    const Filled<float> x(40, 600, 1);
    Filled<bf16> out(40, 600, 2);
    const Filled<bf16> before = out;
    cpu::execute(context, Convert(out.view().columns(1, 300), x.input().columns(1, 300)));
    cpu::execute(context, Fill(out.view().columns(301, 298), 2.0));
    std::size_t wrong = 0;
    for (std::size_t r = 0; r < out.rows; ++r) {
        for (std::size_t c = 0; c < out.cols; ++c) {
            const double converted = static_cast<double>(bf16(static_cast<float>(x(r, c))));
            const double expected = c == 0 || c == 599 ? before(r, c) : c <= 300 ? converted : 2;
            wrong += out(r, c) == expected ? 0U : 1U;
        }
    }
    CHECK(wrong == 0);
}

#if LAMINA_CHECKED
TEST_CASE("a row that is not there cannot be gathered from or scattered to") {
    cpu::Context context(2);
    const Filled<float> table(3, 4, 1);
    Filled<float> out(1, 4, 2);
    const std::size_t last = 2;
    const std::size_t beyond = 3;
    const auto only = [](const std::size_t& row) { return Rows<const std::size_t, 1>(&row, 1); };
    CHECK_NOTHROW(cpu::execute(context, GatherRows(out.view(), table.input(), only(last))));
    CHECK_THROWS_AS(cpu::execute(context, GatherRows(out.view(), table.input(), only(beyond))), ContractViolation);
    Filled<float> target(3, 4, 3);
    CHECK_NOTHROW(cpu::execute(context, ScatterRows(target.view(), out.input(), only(last))));
    CHECK_THROWS_AS(cpu::execute(context, ScatterRows(target.view(), out.input(), only(beyond))), ContractViolation);
}
#endif
