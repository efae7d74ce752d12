// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/device.hpp>

#include "support/catch.hpp"

#include <type_traits>

TEST_CASE("the CPU backend stands behind device::Cpu") {
    STATIC_REQUIRE(std::is_same_v<lamina::BackendFor<lamina::device::Cpu>, lamina::CpuBackend>);
}
