// SPDX-License-Identifier: MIT
// What stands behind device::Cuda: CudaBackend.
#pragma once

#include <lamina/arch/trainable.hpp>
#include <lamina/backend/backend_of.hpp>
#include <lamina/backend/cuda/backend.hpp>

namespace lamina {

template <>
struct BackendOf<device::Cuda> {
    using type = CudaBackend;
};

}  // namespace lamina
