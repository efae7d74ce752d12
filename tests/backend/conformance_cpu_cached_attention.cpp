// SPDX-License-Identifier: MIT
// Attention over a cache of the CPU backend.
#include <lamina/backend/cpu/backend.hpp>

#define LAMINA_BACKEND_UNDER_TEST lamina::CpuBackend
#include "backend/conformance/cached_attention.hpp"
