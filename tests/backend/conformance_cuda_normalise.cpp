// SPDX-License-Identifier: MIT
// Conformance of the CUDA backend: normalise.
#include "backend/cuda_under_test.hpp"

#define LAMINA_BACKEND_UNDER_TEST lamina::CudaBackend
#include "backend/conformance/normalise.hpp"
#include "backend/conformance/normalise_backward.hpp"
#include "backend/conformance/normalise_derivatives.hpp"
