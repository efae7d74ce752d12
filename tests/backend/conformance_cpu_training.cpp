// SPDX-License-Identifier: MIT
// Loss and optimiser of the CPU backend.
#include <lamina/backend/cpu/backend.hpp>

#define LAMINA_BACKEND_UNDER_TEST lamina::CpuBackend
#include "backend/conformance/loss.hpp"
#include "backend/conformance/optimiser.hpp"
