// SPDX-License-Identifier: MIT
#include <lamina/core/float16.hpp>

#include "support/catch.hpp"

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

using lamina::fp16;

namespace {

constexpr float infinite = std::numeric_limits<float>::infinity();

static_assert(sizeof(fp16) == 2 && alignof(fp16) == 2);
static_assert(std::is_trivial_v<fp16> && std::is_standard_layout_v<fp16>);
static_assert(std::convertible_to<fp16, float>);
static_assert(!std::convertible_to<float, fp16>, "rounding must be spelled out");

static_assert(fp16(1.0F).bits == 0x3C00 && fp16(-2.0F).bits == 0xC000 && fp16(-0.0F).bits == 0x8000);
// One unit in the last place of 1 is 2^-10.
static_assert(fp16(1.0F + 0x1p-11F).bits == 0x3C00 && fp16(1.0F + 0x3p-11F).bits == 0x3C02);
static_assert(fp16(1.0F + 0x1p-11F + 0x1p-23F).bits == 0x3C01);
static_assert(fp16(65504.0F).bits == 0x7BFF && fp16(65519.0F).bits == 0x7BFF && fp16(65520.0F).bits == 0x7C00);
static_assert(fp16(infinite).bits == 0x7C00 && fp16(-infinite).bits == 0xFC00);
static_assert(static_cast<float>(fp16::from_bits(0xFC00)) == -infinite);
// Subnormals: 2^-24 is the smallest; halfway to zero goes to zero, a hair more does not.
static_assert(fp16(0x1p-24F).bits == 1 && fp16(0x1p-25F).bits == 0 && fp16(0x1.000002p-25F).bits == 1);
static_assert(fp16(0x3p-25F).bits == 2 && fp16(-0x5p-25F).bits == 0x8002);
static_assert(fp16(0x1p-14F - 0x1p-25F).bits == 0x0400, "rounds up into the normal numbers");

float widened_fp16(std::uint32_t bits) {
    const float sign = (bits & 0x8000U) != 0 ? -1.0F : 1.0F;
    const int exponent = static_cast<int>((bits >> 10U) & 0x1FU);
    const float fraction = static_cast<float>(bits & 0x3FFU);
    if (exponent == 0) return sign * std::ldexp(fraction, -24);
    return sign * std::ldexp(1024.0F + fraction, exponent - 25);
}

}  // namespace

TEST_CASE("every finite fp16 widens to its value and comes back with the same bits") {
    int wrong = 0;
    for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
        if ((bits & 0x7C00U) == 0x7C00U) continue;
        const fp16 number = fp16::from_bits(static_cast<std::uint16_t>(bits));
        const auto value = static_cast<float>(number);
        wrong += value == widened_fp16(bits) && fp16(value).bits == bits ? 0 : 1;
    }
    CHECK(wrong == 0);
}

TEST_CASE("halfway between two neighbours a float becomes the even fp16, beside it the nearer one") {
    int wrong = 0;
    for (std::uint16_t bits = 0; bits < 0x7BFF; ++bits) {
        const float low = fp16::from_bits(bits);
        const float high = fp16::from_bits(static_cast<std::uint16_t>(bits + 1));
        const float middle = low + (high - low) / 2;
        wrong += fp16(middle).bits == bits + bits % 2 ? 0 : 1;
        wrong += fp16(std::nextafter(middle, 0.0F)).bits == bits ? 0 : 1;
        wrong += fp16(std::nextafter(middle, infinite)).bits == bits + 1 ? 0 : 1;
    }
    CHECK(wrong == 0);
}

TEST_CASE("NaN stays NaN in both directions") {
    CHECK(std::isnan(static_cast<float>(fp16(std::numeric_limits<float>::quiet_NaN()))));
    CHECK(std::isnan(static_cast<float>(fp16(std::bit_cast<float>(0x7F80'0001U)))));
    CHECK(std::isnan(static_cast<float>(fp16::from_bits(0x7C01))));
    CHECK(std::isnan(static_cast<float>(fp16::from_bits(0xFE00))));
}
