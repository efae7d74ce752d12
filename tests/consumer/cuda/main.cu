// SPDX-License-Identifier: MIT
// A matrix product on the GPU, where there is one.
#include <lamina/cuda.hpp>

#include <cstdio>
#include <vector>

#include <cuda_runtime_api.h>

int main() {
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status != cudaSuccess || devices == 0) {
        std::printf("lamina: skipped: consumer: cuda: there is no CUDA device: %s\n", cudaGetErrorString(status));
        return 0;
    }
    lamina::CudaBackend backend;
    const std::vector<float> two_by_two{1, 2, 3, 4};
    const auto a = backend.allocate(4 * sizeof(float));
    const auto product = backend.allocate(4 * sizeof(float));
    backend.upload(a.data(), two_by_two.data(), 4 * sizeof(float));
    const lamina::MatrixView<const float> factor(reinterpret_cast<const float*>(a.data()), 2, 2);
    backend.run(lamina::Matmul<float, float, float>{
        .out = {reinterpret_cast<float*>(product.data()), 2, 2}, .lhs = factor, .rhs = factor});
    std::vector<float> squared(4);
    backend.download(squared.data(), product.data(), 4 * sizeof(float));
    return squared == std::vector<float>{7, 10, 15, 22} ? 0 : 1;
}
