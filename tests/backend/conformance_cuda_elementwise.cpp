// SPDX-License-Identifier: MIT
// Conformance of the CUDA backend: elementwise.
#include "backend/cuda_under_test.hpp"

#define LAMINA_BACKEND_UNDER_TEST lamina::CudaBackend
#include "backend/conformance/elementwise.hpp"
#include "backend/conformance/memory.hpp"
#include "backend/conformance/replay.hpp"
#include "backend/conformance/rows.hpp"
