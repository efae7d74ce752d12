// SPDX-License-Identifier: MIT
// launch: starts a kernel on a stream, checked.
#pragma once

#include <cstddef>
#include <string>

#include <cuda_runtime.h>

#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/launch_shape.hpp>

namespace lamina::cuda {

/// Queues kernel(args...). `what` is the operation as a user of the backend knows it. Nothing is queued for an empty
/// grid.
///
/// errors   DeviceError with `what` and the shape
template <class... Params, class... Args>
void launch(cudaStream_t stream, const char* what, const LaunchShape& shape, void (*kernel)(Params...),
            Args&&... args) {
    if (shape.blocks == 0 || shape.blocks_y == 0 || shape.blocks_z == 0) return;
    constexpr std::size_t without_asking = 48 * 1024;
    const auto describe_launch = [&] { return std::string(what) + " (" + describe(shape) + ")"; };
    if (shape.shared_bytes > without_asking) {
        check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   static_cast<int>(shape.shared_bytes)),
              describe_launch);
    }
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(shape.blocks, shape.blocks_y, shape.blocks_z);
    config.blockDim = dim3(shape.threads);
    config.dynamicSmemBytes = shape.shared_bytes;
    config.stream = stream;
    check(cudaLaunchKernelEx(&config, kernel, static_cast<Params>(args)...), describe_launch);
}

}  // namespace lamina::cuda
