// SPDX-License-Identifier: MIT
// How the conformance suite makes a CudaBackend on a GPU, and that it cannot run without one.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <type_traits>

#include <cuda_runtime_api.h>

#include <lamina/backend/cuda/backend.hpp>
#include <lamina/core/bfloat16.hpp>

#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

template <>
struct UnderTest<CudaBackend> {
    /// Matrix units take probabilities in bf16, rounded once.
    template <class T>
    static constexpr double probability_roundoff = std::is_same_v<T, bf16> ? roundoff<bf16> : 0;

    static constexpr std::array<std::size_t, 1> thread_counts{1};
    /// The suite asks for every problem once; whole models, in parity_cuda.cpp, time algorithms.
    static CudaOptions options(std::size_t) {
        return {.float_products = cuda::FloatProducts::fp32, .algorithms = cuda::Choice::first};
    }
    static CudaBackend with_threads(std::size_t threads) { return CudaBackend(options(threads)); }
    /// A handle and a workspace of 32 MiB. Never destroyed: it may outlive the CUDA runtime.
    static CudaBackend& shared(std::size_t threads) {
        static auto& backend = *new CudaBackend(options(threads));
        return backend;
    }
};

inline const bool a_device_was_looked_for = [] {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess || count == 0) {
        reason_to_skip_all() = std::string("there is no CUDA device: ") + cudaGetErrorString(status);
        return true;
    }
    int capability = 0;
    cudaDeviceGetAttribute(&capability, cudaDevAttrComputeCapabilityMajor, 0);
    if (capability < 8) {
        reason_to_skip_all() = "the CUDA device has compute capability " + std::to_string(capability) + ", expected 8";
    }
    return true;
}();

}  // namespace lamina_tests::conformance
