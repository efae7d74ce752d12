// SPDX-License-Identifier: MIT
// What conformance does not reach: ids that recur often, summed in their order whatever the number of threads.
#include <lamina/backend/cpu/embedding.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

#include <lamina/core/bfloat16.hpp>

#include <cstddef>
#include <vector>

using namespace lamina;
using namespace lamina_tests;

namespace {

/// 300 tokens of which two thirds have id 3, so that one row of the table receives 200 gradients.
std::vector<Token> recurring_ids() {
    std::vector<Token> ids(300);
    for (std::size_t n = 0; n < ids.size(); ++n) ids[n] = n % 3 == 0 ? static_cast<Token>(n % 7) : 3;
    return ids;
}

}  // namespace

TEST_CASE("gradients of recurring ids are added in their order, to the bit, by any number of threads") {
    const std::vector<Token> ids = recurring_ids();
    const Extent extent{3, 100};
    const Filled<float> d_out(300, 517, 1);
    for (const std::size_t threads : {1U, 2U, 3U}) {
        CAPTURE(threads);
        cpu::Context context(threads);
        Filled<float> d_tokens(8, 517, 2);
        Filled<float> d_positions(100, 517, 3);
        Filled<float> expected = d_tokens;
        for (std::size_t n = 0; n < 300; ++n) {
            for (std::size_t c = 0; c < 517; ++c) {
                expected.view()(static_cast<std::size_t>(ids[n]), c) += d_out.input()(n, c);
            }
        }
        cpu::execute(context, EmbedBackward<float, float>{.ids = {ids.data(), ids.size()},
                                                          .extent = extent,
                                                          .d_out = d_out.input(),
                                                          .d_token_table = d_tokens.view(),
                                                          .d_position_table = d_positions.view()});
        CHECK(d_tokens.values == expected.values);
    }
}

TEST_CASE("a bf16 gradient table is rounded once, not after every token") {
    const std::vector<Token> ids(256, 0);
    std::vector<float> d_out(256, 1.0F);
    d_out[0] = 256;
    bf16 token{0.0F};
    std::vector<bf16> positions(256, bf16{0.0F});
    cpu::Context context(2);
    cpu::execute(context, EmbedBackward<float, bf16>{.ids = {ids.data(), ids.size()},
                                                     .extent = {1, 256},
                                                     .d_out = {d_out.data(), 256, 1},
                                                     .d_token_table = {&token, 1, 1},
                                                     .d_position_table = {positions.data(), 256, 1}});
    // 256 + 1 rounds back to 256 in bf16; the sum of all, 511, rounds to 512.
    CHECK(static_cast<float>(token) == 512);
}

#if LAMINA_CHECKED
TEST_CASE("a token outside the vocabulary has no gradient to go to") {
    cpu::Context context(2);
    const Filled<float> d_out(2, 3, 1);
    Filled<float> table(7, 3, 2);
    Filled<float> positions(2, 3, 3);
    for (const Token id : {7, -1}) {
        const std::vector<Token> ids{0, id};
        const EmbedBackward<float, float> request{
            {ids.data(), ids.size()}, {1, 2}, d_out.input(), table.view(), positions.view()};
        CHECK_THROWS_AS(cpu::execute(context, request), ContractViolation);
    }
}
#endif
