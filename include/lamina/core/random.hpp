// SPDX-License-Identifier: MIT
// Random: a small generator whose whole state is one integer, the same numbers on every platform.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace lamina {

/// SplitMix64 (Steele et al. 2014). Saving `state` saves the generator.
struct Random {
    std::uint64_t state = 0;

    /// A generator for item `index` of a family, independent of its neighbours.
    [[nodiscard]] static constexpr Random stream(std::uint64_t seed, std::uint64_t index) {
        Random mixer{seed ^ (index + 1) * 0xd1342543de82ef95U};
        return Random{mixer.next()};
    }

    constexpr std::uint64_t next() {
        state += 0x9e3779b97f4a7c15U;
        std::uint64_t z = state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }

    /// In [0, 1), 53 random bits.
    constexpr double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
    constexpr double uniform(double low, double high) { return low + (high - low) * uniform(); }

    /// In [0, bound), bound > 0; the bias is below bound / 2^53.
    constexpr std::size_t below(std::size_t bound) {
        return static_cast<std::size_t>(uniform() * static_cast<double>(bound));
    }

    /// Standard normal, by Box and Muller; the second of each pair is not kept, so that the state stays one integer.
    double normal() {
        const double radius = std::sqrt(-2 * std::log(1 - uniform()));
        return radius * std::cos(6.283185307179586 * uniform());
    }
};

}  // namespace lamina
