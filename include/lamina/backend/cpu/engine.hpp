// SPDX-License-Identifier: MIT
// EngineFor: the library that multiplies matrices of a scalar type.
#pragma once

#include <type_traits>

#include <lamina/backend/cpu/eigen_engine.hpp>

#if defined(LAMINA_HAS_ONEDNN) && LAMINA_HAS_ONEDNN
#include <oneapi/dnnl/dnnl_config.h>
// Other runtimes bring threads of their own that cannot be kept out of a product from here.
#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP || DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_SEQ
#include <lamina/backend/cpu/onednn_engine.hpp>
#define LAMINA_MULTIPLIES_WITH_ONEDNN 1
#endif
#endif

namespace lamina::cpu {

#ifdef LAMINA_MULTIPLIES_WITH_ONEDNN
/// oneDNN for float where the build has it, Eigen for everything else.
template <class Compute>
using EngineFor = std::conditional_t<std::is_same_v<Compute, float>, OneDnnEngine, EigenEngine>;
#else
template <class Compute>
using EngineFor = EigenEngine;
#endif

}  // namespace lamina::cpu

#undef LAMINA_MULTIPLIES_WITH_ONEDNN
