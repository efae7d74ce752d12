// SPDX-License-Identifier: MIT
// What conformance does not reach: more parameters than one thread's share, and the same bits from any number of them.
#include <lamina/backend/cpu/adamw.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace lamina;
using namespace lamina_tests;

TEST_CASE("the first AdamW update moves each of many parameters by the rate, against its gradient") {
    constexpr std::size_t count = 100'003;
    constexpr double rate = 0.01;
    const Filled<float> gradient(1, count, 1);
    const Filled<float> before(1, count, 2);
    std::vector<float> with_one_thread;
    for (const std::size_t threads : {1U, 2U, 3U}) {
        CAPTURE(threads);
        cpu::Context context(threads);
        std::vector<float> parameter = before.values;
        std::vector<float> first(count);
        std::vector<float> second(count);
        cpu::execute(context,
                     AdamWUpdate<float, float, float>{.parameter = row_view(parameter.data(), parameter.size()),
                                                      .gradient = gradient.input(),
                                                      .first_moment = row_view(first.data(), first.size()),
                                                      .second_moment = row_view(second.data(), second.size()),
                                                      .rate = rate,
                                                      .beta1 = 0.9,
                                                      .beta2 = 0.999,
                                                      .epsilon = 0,
                                                      .decay = 0,
                                                      .gradient_scale = 3,
                                                      .update = 1});
        double worst = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const double expected = before(0, i) - std::copysign(rate, gradient(0, i));
            worst = std::max(worst, std::abs(static_cast<double>(parameter[i]) - expected));
        }
        // m / (1 - beta1) over the root of v / (1 - beta2) is ±1 but for roundings of beta2 (2^-24 / 0.001) and of the
        // parameter.
        CHECK(worst < rate * 1e-4 + 0x1p-23);
        if (threads == 1) with_one_thread = parameter;
        CHECK(parameter == with_one_thread);
    }
}

TEST_CASE("a gradient that is NaN makes its own parameter NaN and no other") {
    cpu::Context context(1);
    std::vector<float> parameter(300, 1.0F);
    std::vector<float> gradient(300, 0.5F);
    gradient[123] = std::nanf("");
    std::vector<float> first(300);
    std::vector<float> second(300);
    cpu::execute(context, AdamWUpdate<float, float, float>{.parameter = row_view(parameter.data(), parameter.size()),
                                                           .gradient = row_view(gradient.data(), gradient.size()),
                                                           .first_moment = row_view(first.data(), first.size()),
                                                           .second_moment = row_view(second.data(), second.size()),
                                                           .rate = 0.1,
                                                           .beta1 = 0.9,
                                                           .beta2 = 0.999,
                                                           .epsilon = 1e-8,
                                                           .decay = 0.1,
                                                           .gradient_scale = 1,
                                                           .update = 4});
    for (std::size_t i = 0; i < 300; ++i) CHECK(std::isnan(parameter[i]) == (i == 123));
}
