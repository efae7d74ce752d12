// SPDX-License-Identifier: MIT
// Conformance of the CUDA backend: attention.
#include "backend/cuda_under_test.hpp"

#define LAMINA_BACKEND_UNDER_TEST lamina::CudaBackend
#include "backend/conformance/attention.hpp"
#include "backend/conformance/cached_attention.hpp"
