// SPDX-License-Identifier: MIT
#include "support/cpu_kernels.hpp"

// An argument of a macro may be empty.
namespace lamina::cpu {

LAMINA_TESTS_CPU_KERNELS_OF(, double);
LAMINA_TESTS_CPU_KERNELS_OF(, float);
LAMINA_TESTS_CPU_KERNELS_ON_BF16();

}  // namespace lamina::cpu
