// SPDX-License-Identifier: MIT
// What stands behind device::Cpu: CpuBackend.
#pragma once

#include <lamina/arch/trainable.hpp>
#include <lamina/backend/backend_of.hpp>
#include <lamina/backend/cpu/backend.hpp>

namespace lamina {

template <>
struct BackendOf<device::Cpu> {
    using type = CpuBackend;
};

}  // namespace lamina
