// SPDX-License-Identifier: MIT
// The CPU backend of a program's Place.
#pragma once

#include "place.hpp"

#include <lamina/backend/cpu/device.hpp>

#include <unistd.h>

#include <cstddef>

namespace common {

[[nodiscard]] inline lamina::CpuBackend make_backend(lamina::device::Cpu, const Place& place, Shapes) {
    return lamina::CpuBackend({.threads = place.threads});
}

inline void expect_shapes(lamina::CpuBackend&, Shapes) {}

/// Bytes of the machine's memory.
[[nodiscard]] inline std::size_t memory_of(lamina::device::Cpu, const Place&) {
    return static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGE_SIZE));
}

}  // namespace common
