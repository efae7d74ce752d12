// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/adamw.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include "backend/conformance/grid.hpp"
#include "cuda_emulation/emulator.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
using lamina_tests::conformance::random_grid;
namespace emulator = lamina_tests::emulator;

namespace {

constexpr AdamWUpdate<float, float, float> options{.parameter = {},
                                                   .gradient = {},
                                                   .first_moment = {},
                                                   .second_moment = {},
                                                   .rate = 6e-4,
                                                   .beta1 = 0.9,
                                                   .beta2 = 0.95,
                                                   .epsilon = 1e-8,
                                                   .decay = 0.1,
                                                   .gradient_scale = 0.5,
                                                   .update = 3};

/// Some floats that start `offset` elements after a multiple of 64 bytes, and a few behind them.
struct Floats {
    std::vector<float> memory;
    float* data;

    Floats(std::size_t count, std::uint32_t seed, std::size_t offset) : memory(count + 64) {
        const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
        data = memory.data() + (64 - address % 64) % 64 / sizeof(float) + offset;
        const auto grid = random_grid<float>(1, count + 8, seed, {0, 1});
        for (std::size_t i = 0; i < count + 8; ++i) data[i] = static_cast<float>(grid.values[i]);
    }
};

}  // namespace

TEST_CASE("the factors of an update are worked out in double", "[cuda][adamw]") {
    const auto factors = AdamWFactors<float>::of(options);
    CHECK(factors.step == static_cast<float>(6e-4 / (1 - std::pow(0.9, 3))));
    CHECK(factors.correction2 == static_cast<float>(1 / (1 - std::pow(0.95, 3))));
    CHECK(factors.rest2 == static_cast<float>(1 - 0.95));
    CHECK(factors.decay == static_cast<float>(6e-4 * 0.1));
}

TEST_CASE("aligned or not, whole packs or not, each parameter is updated once", "[cuda][adamw]") {
    const auto factors = AdamWFactors<float>::of(options);
    for (const std::size_t count : {0U, 1U, 3U, 4U, 1030U, 140003U}) {
        for (const std::size_t offset : {0U, 1U}) {
            CAPTURE(count, offset);
            Floats p(count, 1, 0), g(count, 2, offset), m(count, 3, 0), v(count, 4, 0);
            const std::vector<float> p0(p.data, p.data + count + 8);
            const std::vector<float> m0(m.data, m.data + count + 8);
            const std::vector<float> v0(v.data, v.data + count + 8);
            Context context(0);
            AdamWUpdate<float, float, float> request = options;
            request.parameter = row_view(p.data, count);
            request.gradient = row_view(g.data, count);
            request.first_moment = row_view(m.data, count);
            request.second_moment = row_view(v.data, count);
            const std::size_t kernels = emulator::kernels_run();
            execute(context, request);
            const std::size_t packs = offset == 0 ? count / 4 : 0;
            CHECK(emulator::kernels_run() - kernels == (packs > 0 ? 1U : 0U) + (count > 4 * packs ? 1U : 0U));
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < count + 8; ++i) {
                AdamWState<float> expected{p0[i], m0[i], v0[i]};
                if (i < count) expected = adamw_updated(expected, g.data[i], factors);
                wrong += p.data[i] == expected.parameter && m.data[i] == expected.first_moment &&
                                 v.data[i] == expected.second_moment
                             ? 0U
                             : 1U;
            }
            CHECK(wrong == 0);
        }
    }
}
