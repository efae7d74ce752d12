// SPDX-License-Identifier: MIT
// Normalisation of the CPU backend.
#include <lamina/backend/cpu/backend.hpp>

#define LAMINA_BACKEND_UNDER_TEST lamina::CpuBackend
#include "backend/conformance/normalise.hpp"
#include "backend/conformance/normalise_backward.hpp"
#include "backend/conformance/normalise_derivatives.hpp"
