// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/block.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <lamina/core/bfloat16.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

using lamina::bf16;
using namespace lamina::cpu;
using lamina_tests::Filled;

TEST_CASE("rounding goes to the nearest bf16 from float and from double") {
    CHECK(static_cast<float>(rounded<bf16>(1.00390625F)) == 1.0F);      // halfway: to even
    CHECK(static_cast<float>(rounded<bf16>(1.01171875)) == 1.015625F);  // halfway: to even
    CHECK(rounded<double>(bf16(0.5F)) == 0.5);
    CHECK(rounded<float>(0.1) == 0.1F);
}

TEST_CASE("as_compute copies only what is stored in another type") {
    const std::vector<float> same{1, 2, 3};
    const std::vector<bf16> other{bf16(4.0F), bf16(5.0F)};
    std::vector<float> buffer(2);
    CHECK(as_compute(same.data(), buffer.data(), 3) == same.data());
    CHECK(as_compute(other.data(), buffer.data(), 2) == buffer.data());
    CHECK(buffer == std::vector<float>{4, 5});
}

TEST_CASE("map_run may write over one of its inputs") {
    for (const std::size_t count : {0U, 1U, 255U, 256U, 257U, 1000U}) {
        auto values = Filled<float>(1, count, 1).values;
        const auto before = values;
        const auto others = Filled<bf16>(1, count, 2).values;
        map_run<float>(
            values.data(), count, [](float a, float b) { return a - b; }, static_cast<const float*>(values.data()),
            others.data());
        for (std::size_t i = 0; i < count; ++i) REQUIRE(values[i] == before[i] - static_cast<float>(others[i]));
    }
}

TEST_CASE("sums of runs are more accurate than adding one after the other") {
    // Ones added one by one stops at 2^24 in single precision.
    const std::vector<float> ones(20'000'000, 1.0F);
    CHECK(sum_run<float>(
              ones.size(), [](float one) { return one; }, ones.data()) == 2e7F);
}

TEST_CASE("sums of runs have every term once") {
    for (const std::size_t count : {0U, 1U, 31U, 32U, 33U, 255U, 256U, 257U, 511U, 1024U, 1031U}) {
        std::vector<double> terms(count);
        for (std::size_t i = 0; i < count; ++i) terms[i] = static_cast<double>(i + 1);
        const auto n = static_cast<double>(count);
        CHECK(sum_run<double>(
                  count, [](double term) { return term; }, terms.data()) == n * (n + 1) / 2);
    }
}
