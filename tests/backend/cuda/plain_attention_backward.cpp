// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/plain_attention_backward.hpp>

#include "backend/cuda/attention_under_test.hpp"

using namespace lamina;
using namespace lamina_tests;

TEMPLATE_TEST_CASE("plain attention's backward agrees with loops for widths and lengths around its tiles",
                   "[cuda][attention]", float, double, bf16) {
    const auto backward = [](cuda::Context& context, const auto& request) {
        cuda::plain_attention_backward(context, request);
    };
    check_attention_backward<TestType>({{1, 1}, 1, 1}, 4, backward);
    check_attention_backward<TestType>({{2, 33}, 2, 63}, 4, backward);
    check_attention_backward<TestType>({{1, 65}, 1, 64}, 4, backward);
    check_attention_backward<TestType>({{1, 40}, 2, 65}, 4, backward);
    check_attention_backward<TestType>({{1, 66}, 1, 256}, 4, backward);
    check_attention_backward<TestType>({{1, 200}, 1, 8}, 4, backward);
    check_attention_backward<TestType>({{1, 70}, 1, 20}, 1e3, backward);
}

TEST_CASE("every token of every head has a warp that makes its delta", "[cuda][attention]") {
    for (const std::size_t rows : {1U, 5U, 1024U, 65536U}) {
        for (const std::size_t heads : {1U, 12U, 25U}) {
            const auto shape = cuda::detail::delta_shape(rows, heads);
            const std::size_t warps = std::size_t{shape.blocks} * shape.threads / 32;
            CHECK((warps >= rows * heads && warps < rows * heads + 8));
        }
    }
}
