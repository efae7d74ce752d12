// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/flash_attention_backward.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <lamina/arch/architecture.hpp>

#include "backend/cuda/attention_under_test.hpp"

using namespace lamina;
using namespace lamina_tests;
using cuda::detail::FlashStatistics;
using cuda::detail::TileStatistics;

static_assert(sizeof(TileStatistics) == cuda::detail::BackwardKeys::statistics_bytes);

namespace {

constexpr double rounds_probabilities = conformance::roundoff<bf16>;

void backward(cuda::Context& context, const AttentionBackward<bf16>& request) {
    REQUIRE(cuda::is_for_flash(request));
    cuda::flash_attention_backward(context, request);
}

}  // namespace

// Lengths around one and two tiles are among those of the conformance suite.
TEST_CASE("flash attention's backward agrees with loops over several tiles", "[cuda][attention]") {
    for (const std::size_t length : {2U, 66U, 192U, 257U}) {
        check_attention_backward<bf16>({{1, length}, 1, 64}, 4, backward, rounds_probabilities);
    }
    check_attention_backward<bf16>({{2, 70}, 3, 64}, 4, backward, rounds_probabilities);
    check_attention_backward<bf16>({{1, 130}, 1, 64}, 1e3, backward, rounds_probabilities);
}

TEST_CASE("gradients that nothing flows back to are zero, whatever the scores", "[cuda][attention]") {
    using namespace conformance;
    const AttentionShape shape{{1, 100}, 1, 64};
    const Grid qkv = attention_inputs<bf16>(shape, 1e3);
    const AttentionOutputs forward = reference_attention<bf16>(shape, qkv);
    EmulatedKernels backend(emulator::Order::forward);
    OnBackend<bf16, EmulatedKernels> in(backend, qkv);
    OnBackend<bf16, EmulatedKernels> out(backend, rounded_to<bf16>(forward.out.value));
    OnBackend<float, EmulatedKernels> log_sum_exp(backend, rounded_to<float>(forward.log_sum_exp.value));
    OnBackend<bf16, EmulatedKernels> d_out(backend, Grid(100, 64, 0));
    OnBackend<bf16, EmulatedKernels> d_qkv(backend, unset(100, 192));
    backward(backend.context(), AttentionBackward<bf16>{shape.extent, 1, in.input(), out.input(), log_sum_exp.input(),
                                                        d_out.input(), d_qkv.view()});
    const Grid found = d_qkv.read();
    CHECK(std::all_of(found.values.begin(), found.values.end(), [](double x) { return x == 0; }));
}

TEST_CASE("a score may be as low as -2e3 for every key, also where a tile has rows that do not exist",
          "[cuda][attention]") {
    using namespace conformance;
    constexpr std::size_t length = 70;
    Grid qkv(length, 192, 0.5);
    Grid log_sum_exp(length, 1);
    for (std::size_t t = 0; t < length; ++t) {
        for (std::size_t c = 0; c < 64; ++c) {
            qkv(t, c) = -20;
            qkv(t, 64 + c) = 12.5;
        }
        log_sum_exp(t, 0) = std::log(static_cast<double>(t + 1)) - 2000;
    }
    EmulatedKernels backend(emulator::Order::forward);
    OnBackend<bf16, EmulatedKernels> in(backend, qkv);
    OnBackend<bf16, EmulatedKernels> out(backend, Grid(length, 64, 0.5));
    OnBackend<float, EmulatedKernels> lse(backend, rounded_to<float>(log_sum_exp));
    OnBackend<bf16, EmulatedKernels> d_out(backend, Grid(length, 64, 1));
    OnBackend<bf16, EmulatedKernels> d_qkv(backend, unset(length, 192));
    backward(backend.context(), AttentionBackward<bf16>{
                                    {1, length}, 1, in.input(), out.input(), lse.input(), d_out.input(), d_qkv.view()});
    // All values are equal, so no score matters, and each query's gradient goes to its keys in equal parts.
    Expected expected(length, 192);
    for (std::size_t s = 0; s < length; ++s) {
        double d_value = 0;
        for (std::size_t t = s; t < length; ++t) d_value += 1 / static_cast<double>(t + 1);
        for (std::size_t c = 0; c < 64; ++c) {
            expected.value(s, 128 + c) = d_value;
            // Each part rounded to bf16, and the sum; an exponent of 2e3 has an error of as many roundoffs.
            expected.bound(s, 128 + c) = d_value * (2 * roundoff<bf16> + 4 * 2000 * roundoff<float>);
        }
    }
    CHECK(mismatch(d_qkv.read(), expected) == "");
}

TEST_CASE("flash attention's backward may be cut into other shapes", "[cuda][attention]") {
    using OneRowTile = cuda::detail::FlashBackwardShape<1, 2, 64, 2>;
    const auto with_other_shapes = [](cuda::Context& context, const AttentionBackward<bf16>& request) {
        cuda::flash_attention_backward<OneRowTile, OneRowTile>(context, request);
    };
    check_attention_backward<bf16>({{1, 70}, 1, 64}, 4, with_other_shapes, rounds_probabilities);
}

TEST_CASE("the statistics of all queries of all heads have a place of their own, and a thread group",
          "[cuda][attention]") {
    for (const std::size_t heads : {gpt2_small.heads, gpt2_medium.heads, gpt2_large.heads, gpt2_xl.heads}) {
        for (const std::size_t batch : {1U, 2U, 16U, 64U}) {
            for (const std::size_t length : {1U, 127U, 128U, 129U, 1000U, 1024U}) {
                CAPTURE(heads, batch, length);
                const Extent extent{batch, length};
                const FlashStatistics statistics(nullptr, length);
                CHECK((statistics.padded >= length && statistics.padded < length + 128));
                CHECK(statistics.padded % 128 == 0);
                CHECK(FlashStatistics::count(extent, heads) == batch * heads * statistics.padded / 64);
                const auto shape = cuda::detail::statistics_shape(extent, heads);
                CHECK(std::size_t{shape.blocks} * shape.threads >= batch * heads * statistics.padded * 8);
            }
        }
    }
    std::vector<TileStatistics> memory(FlashStatistics::count({2, 70}, 3));
    const FlashStatistics statistics(memory.data(), 70);
    CHECK(&statistics.tile(1, 0) == &statistics.tile(0, 1) + 1);
    CHECK(&statistics.tile(5, 1) + 1 == memory.data() + memory.size());
}
