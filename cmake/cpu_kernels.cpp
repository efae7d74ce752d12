// SPDX-License-Identifier: MIT
// The one source of lamina::cpu_kernels: makes what backend/cpu/kernels.hpp declares.
#include <lamina/backend/cpu/kernels.hpp>

namespace lamina::cpu {

template void EigenEngine::limit_cache_sizes<>();
// An argument of a macro may be empty.
LAMINA_CPU_KERNELS_OF(, double);
LAMINA_CPU_KERNELS_OF(, float);
LAMINA_CPU_KERNELS_ON_BF16();

}  // namespace lamina::cpu
