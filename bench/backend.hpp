// SPDX-License-Identifier: MIT
// What a measurement does with a backend besides what it measures: waiting for it, and values to fill its memory with.
#pragma once

#include <lamina/core/random.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// Whatever is queued is done when the clock is read.
template <class B>
void finish(B& backend) {
    if constexpr (requires { backend.wait(); }) backend.wait();
}

/// Random normal values to be repeated, since drawing billions of them would take longer than a measurement: a prime
/// number of them, so that no two rows are alike.
[[nodiscard]] inline std::vector<float> normals(std::uint64_t seed) {
    constexpr std::size_t count = 1'000'003;
    std::vector<float> values(count);
    lamina::Random random{seed};
    for (float& value : values) value = static_cast<float>(random.normal());
    return values;
}

}  // namespace bench
