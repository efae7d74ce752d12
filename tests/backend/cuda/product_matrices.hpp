// SPDX-License-Identifier: MIT
// ProductMatrices: operands of one product in emulated device memory, for the tests of Blas and of its algorithms.
#pragma once

#include <cstddef>

#include <lamina/backend/cuda/product.hpp>
#include <lamina/core/bfloat16.hpp>

#include "backend/cuda/device_matrix.hpp"

namespace lamina_tests {

/// out [8, 24] = lhs [8, depth] · rhs [depth, 24], or added to out.
template <std::size_t Depth>
struct ProductMatrices {
    DeviceMatrix<lamina::bf16> lhs = DeviceMatrix<lamina::bf16>(8, Depth).randomised(1);
    DeviceMatrix<lamina::bf16> rhs = DeviceMatrix<lamina::bf16>(Depth, 24).randomised(2);
    DeviceMatrix<float> base = DeviceMatrix<float>(8, 24).randomised(3);
    DeviceMatrix<float> out = DeviceMatrix<float>(8, 24).randomised(4);

    [[nodiscard]] lamina::cuda::Product product() const {
        lamina::cuda::Product result;
        result.out = out.view();
        result.lhs = lhs.input();
        result.rhs = rhs.input();
        return result;
    }
    [[nodiscard]] lamina::cuda::Product accumulating() const {
        lamina::cuda::Product result = product();
        result.base = result.out;
        return result;
    }
};

}  // namespace lamina_tests
