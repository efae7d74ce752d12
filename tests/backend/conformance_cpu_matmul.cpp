// SPDX-License-Identifier: MIT
// Matrix products of the CPU backend.
#include <lamina/backend/cpu/backend.hpp>

#define LAMINA_BACKEND_UNDER_TEST lamina::CpuBackend
#include "backend/conformance/affine.hpp"
#include "backend/conformance/gelu_form.hpp"
#include "backend/conformance/matmul.hpp"
