// SPDX-License-Identifier: MIT
#include <lamina/core/bfloat16.hpp>

#include "support/catch.hpp"

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

using lamina::bf16;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

static_assert(sizeof(bf16) == 2 && alignof(bf16) == 2);
static_assert(std::is_trivial_v<bf16> && std::is_standard_layout_v<bf16>);
static_assert(std::convertible_to<bf16, float>);
static_assert(!std::convertible_to<float, bf16>, "rounding must be spelled out");
static_assert(std::constructible_from<bf16, float>);

static_assert(bf16(1.0F).bits == 0x3F80 && bf16(-2.0F).bits == 0xC000 && bf16(0.0F).bits == 0);
static_assert(bf16(-0.0F).bits == 0x8000);
// One unit in the last place of 1 is 2^-7. Halfway cases go to the even neighbour; a hair more goes up.
static_assert(bf16(1.0F + 0x1p-8F).bits == 0x3F80 && bf16(1.0F + 0x3p-8F).bits == 0x3F82);
static_assert(bf16(1.0F + 0x1p-8F + 0x1p-23F).bits == 0x3F81 && bf16(1.0F + 0x1p-8F - 0x1p-23F).bits == 0x3F80);
static_assert(bf16(infinity).bits == 0x7F80 && bf16(-infinity).bits == 0xFF80);
static_assert(bf16(std::numeric_limits<float>::max()).bits == 0x7F80, "rounds up to infinity");
static_assert(bf16(0x1.FEp127F).bits == 0x7F7F, "the largest bf16");
static_assert(bf16(0x1p-133F).bits == 0x0001 && bf16(0x1p-134F).bits == 0x0000, "subnormals");
static_assert(static_cast<float>(bf16::from_bits(0x0001)) == 0x1p-133F);

float widened_by_hand(std::uint32_t bits) {
    const float sign = (bits & 0x8000U) != 0 ? -1.0F : 1.0F;
    const int exponent = static_cast<int>((bits >> 7U) & 0xFFU);
    const float fraction = static_cast<float>(bits & 0x7FU);
    if (exponent == 0) return sign * std::ldexp(fraction, -133);
    return sign * std::ldexp(128.0F + fraction, exponent - 134);
}

}  // namespace

TEST_CASE("every finite bf16 widens to its value and comes back with the same bits") {
    int wrong = 0;
    for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
        if ((bits & 0x7F80U) == 0x7F80U) continue;
        const bf16 number = bf16::from_bits(static_cast<std::uint16_t>(bits));
        const auto value = static_cast<float>(number);
        wrong += value == widened_by_hand(bits) && bf16(value).bits == bits ? 0 : 1;
    }
    CHECK(wrong == 0);
}

TEST_CASE("a float becomes the nearest bf16") {
    int wrong = 0;
    for (std::uint32_t seed = 1, i = 0; i < 100'000; ++i) {
        seed = seed * 1664525U + 1013904223U;
        const float value = std::ldexp(static_cast<float>(static_cast<std::int32_t>(seed)), -40);
        const bf16 rounded(value);
        const float below = bf16::from_bits(static_cast<std::uint16_t>(rounded.bits - 1));
        const float above = bf16::from_bits(static_cast<std::uint16_t>(rounded.bits + 1));
        const float error = std::abs(rounded - value);
        wrong += error <= std::abs(below - value) && error <= std::abs(above - value) ? 0 : 1;
    }
    CHECK(wrong == 0);
}

TEST_CASE("NaN stays NaN, also when all its payload is in the half that is dropped") {
    CHECK(std::isnan(static_cast<float>(bf16(std::numeric_limits<float>::quiet_NaN()))));
    CHECK(std::isnan(static_cast<float>(bf16(std::bit_cast<float>(0x7F80'0001U)))));
    CHECK(std::isnan(static_cast<float>(bf16(std::bit_cast<float>(0xFFFF'FFFFU)))));
}
