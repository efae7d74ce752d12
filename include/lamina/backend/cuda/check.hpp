// SPDX-License-Identifier: MIT
// check: a failed CUDA or cuBLASLt call becomes an exception that says what was called, with which sizes.
#pragma once

#include <concepts>
#include <string>
#include <utility>

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <lamina/core/error.hpp>

namespace lamina {

/// A call to the CUDA runtime or cuBLASLt that failed. `what()` names the operation, its sizes and the library's
/// reason.
/// Work is queued, so a fault inside a kernel may show at a later call.
class DeviceError : public Error {
public:
    using Error::Error;
};

namespace cuda {

namespace detail {

/// A name, or a function that makes one: errors are rare, and their texts are made when they are needed.
template <class What>
[[nodiscard]] std::string text_of(const What& what) {
    if constexpr (std::invocable<const What&>) {
        return what();
    } else {
        return what;
    }
}

/// What to do, where the library's reason does not say it.
[[nodiscard]] inline const char* remedy_of(cudaError_t status) {
    const bool built_for_others = status == cudaErrorNoKernelImageForDevice || status == cudaErrorUnsupportedPtxVersion;
    return built_for_others ? "; build with CMAKE_CUDA_ARCHITECTURES=native on this machine" : "";
}

}  // namespace detail

/// Throws DeviceError unless the call succeeded.
template <class What>
void check(cudaError_t status, const What& what) {
    if (status == cudaSuccess) return;
    throw DeviceError("lamina: CudaBackend: " + detail::text_of(what) + ": " + cudaGetErrorName(status) + ", " +
                      cudaGetErrorString(status) + detail::remedy_of(status));
}
template <class What>
void check(cublasStatus_t status, const What& what) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    throw DeviceError("lamina: CudaBackend: " + detail::text_of(what) + ": " + cublasLtGetStatusName(status) + ", " +
                      cublasLtGetStatusString(status));
}

}  // namespace cuda

}  // namespace lamina
