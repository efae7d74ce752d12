// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/plain_attention.hpp>

#include "backend/cuda/attention_under_test.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

const auto attend = [](cuda::Context& context, const auto& request) { cuda::plain_attention(context, request); };

}  // namespace

TEMPLATE_TEST_CASE("plain attention agrees with loops for widths and lengths around its tiles", "[cuda][attention]",
                   float, double, bf16) {
    check_attention<TestType>({{1, 1}, 1, 1}, 4, attend);
    check_attention<TestType>({{2, 33}, 2, 63}, 4, attend);
    check_attention<TestType>({{1, 65}, 1, 64}, 4, attend);
    check_attention<TestType>({{1, 40}, 2, 65}, 4, attend);
    check_attention<TestType>({{1, 66}, 1, 256}, 4, attend);
    check_attention<TestType>({{1, 300}, 1, 8}, 4, attend);
    check_attention<TestType>({{1, 70}, 1, 20}, 1e3, attend);
}

TEST_CASE("a score may be as low as -1e3 for every key", "[cuda][attention]") {
    const conformance::AttentionShape shape{{1, 70}, 1, 16};
    conformance::Grid qkv(70, 48, 0.5);
    for (std::size_t t = 0; t < 70; ++t) {
        for (std::size_t c = 0; c < 16; ++c) {
            qkv(t, c) = -20;  // the scores are 16 · 20 · 12.5 / 4 = 1e3 below zero
            qkv(t, 16 + c) = 12.5;
        }
    }
    EmulatedKernels backend(emulator::Order::forward);
    conformance::OnBackend<float, EmulatedKernels> in(backend, qkv);
    conformance::OnBackend<float, EmulatedKernels> out(backend, conformance::unset(70, 16));
    conformance::OnBackend<float, EmulatedKernels> log_sum_exp(backend, conformance::unset(70, 1));
    attend(backend.context(), Attention<float>{shape.extent, 1, in.input(), out.view(), log_sum_exp.view()});
    conformance::Expected same(conformance::Grid(70, 16, 0.5));
    same.bound = conformance::Grid(70, 16, 70 * 0x1p-24);
    CHECK(conformance::mismatch(out.read(), same) == "");
    // log(70) - 1000, to a few roundoffs of a thousand
    CHECK(std::abs(log_sum_exp.read()(69, 0) - (std::log(70.0) - 1000)) < 1000 * 0x1p-22);
}
