// SPDX-License-Identifier: MIT
// bf16: the upper half of an IEEE single, as a storage type that converts from and to float.
#pragma once

#include <lamina/core/host_device.hpp>

#include <cstdint>
#include <type_traits>

namespace lamina {

/// A bfloat16 number: 1 sign, 8 exponent and 7 fraction bits. It has float's range and 8 bits of precision.
///
/// A storage type: it has no arithmetic of its own. It converts to float implicitly, because that is exact, and from
/// float only explicitly, because that rounds. Trivial, so arrays of it can be copied, mapped and left uninitialised;
/// branch-free, so loops over arrays vectorise.
struct bf16 {
    std::uint16_t bits;

    bf16() = default;

    /// Rounds to nearest, ties to even; values beyond the largest bf16 become infinite; a NaN stays a (quiet) NaN.
    LAMINA_HOST_DEVICE explicit constexpr bf16(float value) noexcept : bits(rounded(value)) {}

    /// The number with exactly these bits.
    [[nodiscard]] LAMINA_HOST_DEVICE static constexpr bf16 from_bits(std::uint16_t bits) noexcept {
        bf16 number(0.0F);
        number.bits = bits;
        return number;
    }

    /// Exact.
    LAMINA_HOST_DEVICE constexpr operator float() const noexcept {  // NOLINT(google-explicit-constructor): exact
        return __builtin_bit_cast(float, static_cast<std::uint32_t>(bits) << 16U);
    }

private:
    // The builtin behind std::bit_cast, which itself is not callable in device code. NaN is told by its bits, so that
    // this holds under -ffast-math too.
    LAMINA_HOST_DEVICE static constexpr std::uint16_t rounded(float value) noexcept {
        const auto single = __builtin_bit_cast(std::uint32_t, value);
        const std::uint32_t nearest_even = (single + 0x7FFFU + ((single >> 16U) & 1U)) >> 16U;
        const std::uint32_t quiet_nan = (single >> 16U) | 0x40U;
        const bool is_nan = (single & 0x7FFF'FFFFU) > 0x7F80'0000U;
        return static_cast<std::uint16_t>(is_nan ? quiet_nan : nearest_even);
    }
};

static_assert(sizeof(bf16) == 2 && std::is_trivial_v<bf16> && std::is_standard_layout_v<bf16>);

}  // namespace lamina
