// SPDX-License-Identifier: MIT
// Memory, functions of elements, operations on rows and repeated work of the CPU backend.
#include <lamina/backend/cpu/backend.hpp>

#define LAMINA_BACKEND_UNDER_TEST lamina::CpuBackend
#include "backend/conformance/elementwise.hpp"
#include "backend/conformance/embedding.hpp"
#include "backend/conformance/memory.hpp"
#include "backend/conformance/replay.hpp"
#include "backend/conformance/rows.hpp"
