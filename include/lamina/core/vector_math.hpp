// SPDX-License-Identifier: MIT
// exp and tanh for use inside loops: in single precision without branches or calls, so that compilers vectorise them.
#pragma once

#include <cmath>
#include <cstdint>

#include <lamina/core/host_device.hpp>

namespace lamina::math {

namespace detail {

/// A float taken apart, because compilers turn choices between integers into vector code but many choices between
/// floats into branches.
struct SignedMagnitude {
    std::uint32_t sign;       ///< the sign bit
    std::uint32_t magnitude;  ///< the others; their order as integers is the order of the absolute values

    [[nodiscard]] LAMINA_HOST_DEVICE static SignedMagnitude of(float x) noexcept {
        const auto bits = __builtin_bit_cast(std::uint32_t, x);
        return {bits & 0x8000'0000U, bits & 0x7FFF'FFFFU};
    }

    /// The absolute value, or `limit` if that is smaller or this is NaN.
    [[nodiscard]] LAMINA_HOST_DEVICE float absolute_up_to(float limit) const noexcept {
        const auto bound = __builtin_bit_cast(std::uint32_t, limit);
        return __builtin_bit_cast(float, magnitude < bound ? magnitude : bound);
    }

    /// `value` with this sign, which `value` must not have yet.
    [[nodiscard]] LAMINA_HOST_DEVICE float give_sign(float value) const noexcept {
        return __builtin_bit_cast(float, __builtin_bit_cast(std::uint32_t, value) | sign);
    }

    /// `value`, or NaN if this is NaN.
    [[nodiscard]] LAMINA_HOST_DEVICE float pass_nan_to(float value) const noexcept {
        const std::uint32_t nan = magnitude > 0x7F80'0000U ? 0x7FC0'0000U : 0U;
        return __builtin_bit_cast(float, __builtin_bit_cast(std::uint32_t, value) | nan);
    }
};

/// x = power · ln 2 + remainder, |remainder| ≤ ln 2 / 2, for |x| ≤ 150.
struct ReducedExponent {
    std::int32_t power;
    float remainder;

    [[nodiscard]] LAMINA_HOST_DEVICE static ReducedExponent of(float x) noexcept {
        // Adding 1.5 · 2^23 rounds to an integer and leaves it in the low bits of the sum.
        constexpr float shift = 0x1.8p23F;
        constexpr float log2_of_e = 0x1.715476p+0F;
        const auto shifted = __builtin_bit_cast(std::int32_t, x * log2_of_e + shift);
        const std::int32_t power = shifted - __builtin_bit_cast(std::int32_t, shift);
        // ln 2 in two parts; the upper one has 15 bits, so its product with the power is exact.
        constexpr float ln_2_upper = 0x1.62e4p-1F;
        constexpr float ln_2_lower = 0x1.7f7d1cp-20F;
        const auto whole = static_cast<float>(power);
        return {power, (x - whole * ln_2_upper) - whole * ln_2_lower};
    }
};

/// exp(r) - 1 for |r| ≤ ln 2 / 2: r + r² · q(r), q the minimax polynomial for the relative error (2^-32).
[[nodiscard]] LAMINA_HOST_DEVICE inline float expm1_near_zero(float r) noexcept {
    float q = 0x1.a1a1b4p-13F;
    q = q * r + 0x1.6d74cep-10F;
    q = q * r + 0x1.11109p-7F;
    q = q * r + 0x1.5554aep-5F;
    q = q * r + 0x1.555556p-3F;
    q = q * r + 0.5F;
    return r * r * q + r;
}

/// 2^power for -126 ≤ power ≤ 127.
[[nodiscard]] LAMINA_HOST_DEVICE inline float power_of_two(std::int32_t power) noexcept {
    return __builtin_bit_cast(float, static_cast<std::uint32_t>(power + 127) << 23U);
}

}  // namespace detail

/// e^x within 1 unit in the last place, subnormal results included; exp(-inf) = 0, exp(inf) = inf, exp(NaN) = NaN.
[[nodiscard]] LAMINA_HOST_DEVICE inline float exp(float x) noexcept {
    const auto parts = detail::SignedMagnitude::of(x);
    // Beyond ±104 the result is 0 or infinite anyway.
    const auto [power, remainder] = detail::ReducedExponent::of(parts.give_sign(parts.absolute_up_to(104.0F)));
    const float scaled = 1.0F + detail::expm1_near_zero(remainder);
    // In two steps, because 2^power itself may be no normal number.
    const std::int32_t half = power >> 1;
    return parts.pass_nan_to(scaled * detail::power_of_two(half) * detail::power_of_two(power - half));
}

/// As std::exp: double is for checking gradients, where accuracy matters more than speed.
[[nodiscard]] LAMINA_HOST_DEVICE inline double exp(double x) noexcept { return std::exp(x); }

/// tanh(x) within 3 units in the last place; tanh(±inf) = ±1, tanh(NaN) = NaN.
[[nodiscard]] LAMINA_HOST_DEVICE inline float tanh(float x) noexcept {
    const auto parts = detail::SignedMagnitude::of(x);
    // From 9.02 on the result rounds to 1.
    const auto [power, remainder] = detail::ReducedExponent::of(2.0F * parts.absolute_up_to(10.0F));
    // With t = exp(2|x|) - 1, tanh|x| = t / (t + 2): no cancellation near zero.
    const float scale = detail::power_of_two(power);
    const float t = scale * detail::expm1_near_zero(remainder) + (scale - 1.0F);
    return parts.pass_nan_to(parts.give_sign(t / (t + 2.0F)));
}

/// As std::tanh.
[[nodiscard]] LAMINA_HOST_DEVICE inline double tanh(double x) noexcept { return std::tanh(x); }

}  // namespace lamina::math
