// SPDX-License-Identifier: MIT
// Matrix products of the CUDA backend in the emulator: float products by parts, and by a library that has
// nothing for operands without alignment. The less exact tf32 and bf16x3 are in matmul.cpp, with bounds of their own.
#include "backend/cuda/products_hybrid.hpp"

#define LAMINA_BACKEND_UNDER_TEST                                \
    (lamina_tests::Hybrid<lamina::cuda::FloatProducts::bf16x6>), \
        (lamina_tests::Hybrid<lamina::cuda::FloatProducts::fp32, lamina_tests::emulator::Offer::aligned>)
#include "backend/conformance/gelu_form.hpp"
#include "backend/conformance/matmul.hpp"
