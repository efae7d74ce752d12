// SPDX-License-Identifier: MIT
// Extent: how many sequences of how many tokens a pass works on.
#pragma once

#include <cstddef>

#include <lamina/core/host_device.hpp>

namespace lamina {

struct Extent {
    std::size_t batch = 0;     ///< B, sequences
    std::size_t sequence = 0;  ///< T, tokens per sequence

    LAMINA_HOST_DEVICE [[nodiscard]] constexpr std::size_t tokens() const { return batch * sequence; }
    friend constexpr bool operator==(const Extent&, const Extent&) = default;
};

}  // namespace lamina
