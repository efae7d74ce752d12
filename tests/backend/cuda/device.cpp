// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/device.hpp>

#include <type_traits>

using namespace lamina;

static_assert(HasBackend<device::Cuda>);
static_assert(std::is_same_v<BackendFor<device::Cuda>, CudaBackend>);
