// SPDX-License-Identifier: MIT
// Conformance of the CUDA backend: training.
#include "backend/cuda_under_test.hpp"

#define LAMINA_BACKEND_UNDER_TEST lamina::CudaBackend
#include "backend/conformance/embedding.hpp"
#include "backend/conformance/loss.hpp"
#include "backend/conformance/optimiser.hpp"
