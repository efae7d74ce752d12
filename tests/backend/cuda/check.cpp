// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/check.hpp>

#include <string>

#include "support/catch.hpp"

using namespace lamina;

TEST_CASE("a failed call says what was called and why it failed", "[cuda][check]") {
    CHECK_NOTHROW(cuda::check(cudaSuccess, "allocating"));
    CHECK_THROWS_WITH(cuda::check(cudaErrorMemoryAllocation, "allocating 8 bytes"),
                      "lamina: CudaBackend: allocating 8 bytes: cudaErrorMemoryAllocation, out of memory");
    CHECK_THROWS_AS(cuda::check(cudaErrorLaunchFailure, "sum_rows"), DeviceError);
    CHECK_THROWS_WITH(cuda::check(cudaErrorNoKernelImageForDevice, "sum_rows"),
                      Catch::StartsWith("lamina: CudaBackend: sum_rows: ") &&
                          Catch::EndsWith("; build with CMAKE_CUDA_ARCHITECTURES=native on this machine"));
    CHECK_THROWS_WITH(cuda::check(CUBLAS_STATUS_NOT_SUPPORTED, "matmul"),
                      Catch::Contains("lamina: CudaBackend: matmul: CUBLAS_STATUS_NOT_SUPPORTED"));
}

TEST_CASE("what was called is put into words only if it failed", "[cuda][check]") {
    int made = 0;
    const auto what = [&made] {
        ++made;
        return std::string("matmul");
    };
    cuda::check(cudaSuccess, what);
    cuda::check(CUBLAS_STATUS_SUCCESS, what);
    CHECK(made == 0);
    CHECK_THROWS_AS(cuda::check(cudaErrorLaunchFailure, what), Error);
    CHECK(made == 1);
}
