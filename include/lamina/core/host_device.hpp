// SPDX-License-Identifier: MIT
// LAMINA_HOST_DEVICE: marks a function that device code may call when nvcc compiles it, and nothing elsewhere.
#pragma once

#ifdef __CUDACC__
#define LAMINA_HOST_DEVICE __host__ __device__
#else
#define LAMINA_HOST_DEVICE
#endif
