// SPDX-License-Identifier: MIT
// torch_permutation: the shuffle that PyTorch's randperm makes on the CPU.
#pragma once

#include <lamina/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace lamina::text {

/// 0..count-1 in the order of torch.randperm(count) with a generator of this seed, so that a run can visit its blocks
/// in the order of the original.
///
/// errors  ArgumentError from 2^32 / 20 entries on, where PyTorch takes another path
/// source  PyTorch's randperm_cpu
[[nodiscard]] inline std::vector<std::uint32_t> torch_permutation(std::size_t count, std::uint64_t seed) {
    constexpr std::size_t limit = 0xFFFFFFFFU / 20;
    if (count >= limit) {
        throw ArgumentError("a shuffle of " + std::to_string(count) + " blocks was asked for, the most is " +
                            std::to_string(limit - 1) + "; take longer blocks or fewer tokens");
    }
    std::mt19937 generator(static_cast<std::uint32_t>(seed & 0xFFFFFFFFU));
    std::vector<std::uint32_t> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::uint32_t>(i);
    for (std::size_t i = 0; i + 1 < count; ++i) std::swap(order[i], order[i + generator() % (count - i)]);
    return order;
}

}  // namespace lamina::text
