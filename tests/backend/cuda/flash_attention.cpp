// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/flash_attention.hpp>

#include <cstddef>

#include "backend/cuda/attention_under_test.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

constexpr double rounds_probabilities = conformance::roundoff<bf16>;

void attend(cuda::Context& context, const Attention<bf16>& request) {
    REQUIRE(cuda::is_for_flash(request));
    cuda::flash_attention(context, request);
}

}  // namespace

// Lengths around one and two tiles are among those of the conformance suite.
TEST_CASE("flash attention agrees with loops over several tiles", "[cuda][attention]") {
    for (const std::size_t length : {2U, 66U, 192U, 257U, 400U}) {
        check_attention<bf16>({{1, length}, 1, 64}, 4, attend, rounds_probabilities);
    }
    check_attention<bf16>({{2, 70}, 3, 64}, 4, attend, rounds_probabilities);
    check_attention<bf16>({{1, 130}, 1, 64}, 1e3, attend, rounds_probabilities);
}

TEST_CASE("flash attention reads and writes columns of wider matrices in place", "[cuda][attention]") {
    using namespace conformance;
    const AttentionShape shape{{2, 66}, 2, 64};
    const Grid qkv = attention_inputs<bf16>(shape, 4);
    EmulatedKernels backend(emulator::Order::shuffled);
    const auto run = [&](std::size_t spare) {
        Grid wide(qkv.rows, qkv.cols + spare, std::nan(""));
        for (std::size_t r = 0; r < qkv.rows; ++r) {
            for (std::size_t c = 0; c < qkv.cols; ++c) wide(r, c) = qkv(r, c);
        }
        OnBackend<bf16, EmulatedKernels> in(backend, wide);
        OnBackend<bf16, EmulatedKernels> out(backend, unset(qkv.rows, shape.embed() + spare));
        OnBackend<float, EmulatedKernels> log_sum_exp(backend, unset(qkv.rows, shape.heads + spare));
        attend(backend.context(),
               Attention<bf16>{shape.extent, shape.heads, in.input().columns(0, qkv.cols),
                               out.view().columns(0, shape.embed()), log_sum_exp.view().columns(0, shape.heads)});
        const Grid all = out.read();
        Grid result(qkv.rows, shape.embed());
        std::size_t touched = 0;
        for (std::size_t r = 0; r < qkv.rows; ++r) {
            for (std::size_t c = 0; c < all.cols; ++c) {
                if (c < shape.embed()) result(r, c) = all(r, c);
                touched += c >= shape.embed() && !std::isnan(all(r, c));
            }
        }
        CHECK(touched == 0);
        return result;
    };
    CHECK(same_bits(run(0), run(8)));
}

TEST_CASE("a row of a flash block gets what it gets in any other", "[cuda][attention]") {
    // Shorter sequences are the beginnings of longer ones, bit for bit: no row depends on the rest of its block.
    using namespace conformance;
    const AttentionShape shape{{1, 150}, 1, 64};
    const Grid qkv = attention_inputs<bf16>(shape, 4);
    EmulatedKernels backend(emulator::Order::forward);
    OnBackend<bf16, EmulatedKernels> in(backend, qkv);
    const auto first_rows = [&](std::size_t count) {
        OnBackend<bf16, EmulatedKernels> out(backend, unset(count, 64));
        OnBackend<float, EmulatedKernels> log_sum_exp(backend, unset(count, 1));
        attend(backend.context(),
               Attention<bf16>{{1, count}, 1, in.input().middle_rows(0, count), out.view(), log_sum_exp.view()});
        Grid rows = out.read();
        rows.rows = 40;
        rows.values.resize(40 * 64);
        return rows;
    };
    CHECK(same_bits(first_rows(40), first_rows(150)));
}
