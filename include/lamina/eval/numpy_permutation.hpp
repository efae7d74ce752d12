// SPDX-License-Identifier: MIT
// numpy_permutation: the order that numpy's default generator shuffles into, and data sets libraries with it.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace lamina::eval {

namespace detail {

__extension__ using Uint128 = unsigned __int128;

/// numpy's SeedSequence of one 32-bit word, as the four 64-bit words that seed a PCG64.
[[nodiscard]] constexpr std::array<std::uint64_t, 4> numpy_seed_words(std::uint32_t entropy) {
    std::uint32_t running = 0x43B0D7E5U;
    const auto hash = [&running](std::uint32_t value) {
        value ^= running;
        running *= 0x931E8875U;
        value *= running;
        return value ^ (value >> 16U);
    };
    std::array<std::uint32_t, 4> pool{};
    for (std::size_t i = 0; i < pool.size(); ++i) pool[i] = hash(i == 0 ? entropy : 0);
    for (std::size_t from = 0; from < pool.size(); ++from) {
        for (std::size_t to = 0; to < pool.size(); ++to) {
            if (to == from) continue;
            const std::uint32_t mixed = 0xCA01F9DDU * pool[to] - 0x4973F715U * hash(pool[from]);
            pool[to] = mixed ^ (mixed >> 16U);
        }
    }
    std::array<std::uint64_t, 4> words{};
    running = 0x8B51F9DDU;
    for (std::size_t i = 0; i < 8; ++i) {
        std::uint32_t value = pool[i % 4] ^ running;
        running *= 0x58F38DEDU;
        value *= running;
        value ^= value >> 16U;
        words[i / 2] |= static_cast<std::uint64_t>(value) << (i % 2 == 0 ? 0U : 32U);
    }
    return words;
}

/// numpy's PCG64 (XSL-RR), with its way of handing out 32 bits: the low half of an output first, then the high one.
class NumpyGenerator {
public:
    explicit constexpr NumpyGenerator(std::uint32_t seed) {
        const std::array<std::uint64_t, 4> words = numpy_seed_words(seed);
        increment_ = (joined(words[2], words[3]) << 1U) | 1U;
        step();
        state_ += joined(words[0], words[1]);
        step();
    }

    [[nodiscard]] constexpr std::uint32_t next() {
        if (has_high_half_) {
            has_high_half_ = false;
            return high_half_;
        }
        step();
        const auto folded = static_cast<std::uint64_t>(state_ >> 64U) ^ static_cast<std::uint64_t>(state_);
        const std::uint64_t output = std::rotr(folded, static_cast<int>(state_ >> 122U));
        high_half_ = static_cast<std::uint32_t>(output >> 32U);
        has_high_half_ = true;
        return static_cast<std::uint32_t>(output);
    }

    /// 0..largest, each equally likely: draws under the mask of largest's bits until one fits.
    [[nodiscard]] constexpr std::uint32_t up_to(std::uint32_t largest) {
        const std::uint32_t mask = largest == 0 ? 0 : ~std::uint32_t{0} >> std::countl_zero(largest);
        while (true) {
            const std::uint32_t value = next() & mask;
            if (value <= largest) return value;
        }
    }

private:
    [[nodiscard]] static constexpr Uint128 joined(std::uint64_t high, std::uint64_t low) {
        return (static_cast<Uint128>(high) << 64U) | low;
    }
    constexpr void step() { state_ = state_ * joined(0x2360ED051FC65DA4U, 0x4385DF649FCCF645U) + increment_; }

    Uint128 state_ = 0;
    Uint128 increment_ = 0;
    std::uint32_t high_half_ = 0;
    bool has_high_half_ = false;
};

}  // namespace detail

/// 0..count-1 in the order of numpy.random.default_rng(seed).permutation(count), which is also that of
/// datasets.Dataset.shuffle(seed). `count` below 2^32.
///
/// source   numpy/random/bit_generator.pyx, src/pcg64, _generator.pyx
[[nodiscard]] constexpr std::vector<std::uint32_t> numpy_permutation(std::size_t count, std::uint32_t seed) {
    detail::NumpyGenerator generator(seed);
    std::vector<std::uint32_t> order(count);
    std::iota(order.begin(), order.end(), std::uint32_t{0});
    for (std::size_t i = count; i-- > 1;) std::swap(order[i], order[generator.up_to(static_cast<std::uint32_t>(i))]);
    return order;
}

}  // namespace lamina::eval
