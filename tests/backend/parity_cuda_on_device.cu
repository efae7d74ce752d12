// SPDX-License-Identifier: MIT
// parity::run on a GPU.
#include <lamina/backend/cuda/device.hpp>

#include "backend/parity_cuda_run.hpp"

template <>
lamina::CudaBackend lamina_tests::parity::make_backend<lamina::CudaBackend>(Products products) {
    using lamina::cuda::FloatProducts;
    const bool by_parts = products == lamina_tests::parity::Products::by_parts;
    return lamina::CudaBackend({.float_products = by_parts ? FloatProducts::bf16x6 : FloatProducts::fp32});
}

template lamina_tests::parity::Result lamina_tests::parity::run<lamina::device::Cuda>(Kind, Progress);
