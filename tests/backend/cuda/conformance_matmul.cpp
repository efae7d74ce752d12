// SPDX-License-Identifier: MIT
// Matrix products of the CUDA backend in the emulator by a library that has nothing for operands without alignment.
#include "backend/cuda/products_hybrid.hpp"

#define LAMINA_BACKEND_UNDER_TEST lamina_tests::Hybrid<lamina_tests::emulator::Offer::aligned>
#include "backend/conformance/gelu_form.hpp"
#include "backend/conformance/matmul.hpp"
