// SPDX-License-Identifier: MIT
// fp16: an IEEE half-precision number, as a storage type for reading and writing files.
#pragma once

#include <lamina/core/host_device.hpp>

#include <cstdint>
#include <type_traits>

namespace lamina {

/// An IEEE binary16 number: 1 sign, 5 exponent and 10 fraction bits; largest finite value 65504.
///
/// Only a storage type: checkpoints come in it, lamina does not compute in it. Conversions are as in bf16: exact and
/// implicit to float, rounding and explicit from float.
struct fp16 {
    std::uint16_t bits;

    fp16() = default;

    /// Rounds to nearest, ties to even, subnormals included; from 65520 on the result is infinite; NaN stays NaN.
    LAMINA_HOST_DEVICE explicit constexpr fp16(float value) noexcept : bits(rounded(value)) {}

    /// The number with exactly these bits.
    [[nodiscard]] LAMINA_HOST_DEVICE static constexpr fp16 from_bits(std::uint16_t bits) noexcept {
        fp16 number(0.0F);
        number.bits = bits;
        return number;
    }

    /// Exact.
    LAMINA_HOST_DEVICE constexpr operator float() const noexcept {  // NOLINT(google-explicit-constructor): exact
        const std::uint32_t sign = (bits & 0x8000U) << 16U;
        const std::uint32_t magnitude = bits & 0x7FFFU;
        // A subnormal counts units of 2^-24, which float holds as a normal number: right under flush-to-zero too.
        const auto subnormal = __builtin_bit_cast(std::uint32_t, static_cast<float>(magnitude) * 0x1p-24F);
        const std::uint32_t bias = magnitude >= infinity_ ? 2U * exponent_shift_ : exponent_shift_;
        const std::uint32_t normal = (magnitude << 13U) + bias;
        return __builtin_bit_cast(float, sign | (magnitude < smallest_normal_ ? subnormal : normal));
    }

private:
    static constexpr std::uint32_t smallest_normal_ = 0x0400U;
    static constexpr std::uint32_t infinity_ = 0x7C00U;
    static constexpr std::uint32_t exponent_shift_ = (127U - 15U) << 23U;  // float's exponent bias less half's

    LAMINA_HOST_DEVICE static constexpr std::uint16_t rounded(float value) noexcept {
        const auto single = __builtin_bit_cast(std::uint32_t, value);
        const std::uint32_t magnitude = single & 0x7FFF'FFFFU;
        std::uint32_t half = 0;
        if (magnitude > 0x7F80'0000U) {
            half = 0x7E00U | ((magnitude >> 13U) & 0x03FFU);  // NaN, made quiet
        } else if (magnitude >= 0x477F'F000U) {
            half = infinity_;  // 65520, halfway between the largest half and the next power of two, and above
        } else if (magnitude >= 0x3880'0000U) {
            half = (magnitude - exponent_shift_ + 0x0FFFU + ((magnitude >> 13U) & 1U)) >> 13U;
        } else {
            // Below 2^-14: one unit in the last place of 0.5 is 2^-24, so this addition rounds to whole subnormals.
            const float shifted = __builtin_bit_cast(float, magnitude) + 0.5F;
            half = __builtin_bit_cast(std::uint32_t, shifted) - __builtin_bit_cast(std::uint32_t, 0.5F);
        }
        return static_cast<std::uint16_t>(((single >> 16U) & 0x8000U) | half);
    }
};

static_assert(sizeof(fp16) == 2 && std::is_trivial_v<fp16> && std::is_standard_layout_v<fp16>);

}  // namespace lamina
