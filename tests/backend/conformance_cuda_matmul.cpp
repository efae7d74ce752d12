// SPDX-License-Identifier: MIT
// Conformance of the CUDA backend: matmul.
#include "backend/cuda_under_test.hpp"

#define LAMINA_BACKEND_UNDER_TEST lamina::CudaBackend
#include "backend/conformance/affine.hpp"
#include "backend/conformance/gelu_form.hpp"
#include "backend/conformance/matmul.hpp"
