// SPDX-License-Identifier: MIT
// Conformance of the CUDA backend, every operation, as nvcc compiles it.
#include "backend/cuda_under_test.hpp"

#define LAMINA_BACKEND_UNDER_TEST lamina::CudaBackend
#include "backend/conformance.hpp"
