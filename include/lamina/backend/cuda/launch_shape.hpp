// SPDX-License-Identifier: MIT
// LaunchShape: how many blocks and threads a kernel is started with, and how many blocks cover something.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>

#include <lamina/core/host_device.hpp>

namespace lamina::cuda {

/// How many pieces of `each` cover `length`.
template <std::unsigned_integral Count>
[[nodiscard]] LAMINA_HOST_DEVICE constexpr Count pieces(Count length, std::type_identity_t<Count> each) {
    return (length + each - 1) / each;
}

/// Blocks of a grid, threads of a block, and dynamic shared memory of a block in bytes.
struct LaunchShape {
    unsigned blocks = 1;
    unsigned threads = 1;
    std::size_t shared_bytes = 0;
    unsigned blocks_y = 1;
    unsigned blocks_z = 1;
};

[[nodiscard]] inline std::string describe(const LaunchShape& shape) {
    return "blocks " + std::to_string(shape.blocks) + " x " + std::to_string(shape.blocks_y) + " x " +
           std::to_string(shape.blocks_z) + ", threads " + std::to_string(shape.threads) + ", shared memory " +
           std::to_string(shape.shared_bytes) + " bytes";
}

}  // namespace lamina::cuda
