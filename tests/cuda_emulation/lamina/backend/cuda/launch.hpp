// SPDX-License-Identifier: MIT
// The emulator's stand-in for lamina/backend/cuda/launch.hpp: kernels run, or are recorded, on the host.
#pragma once

#include <string>
#include <tuple>

#include <cuda_runtime_api.h>

#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/launch_shape.hpp>

#include "cuda_emulation/emulator.hpp"
#include "cuda_emulation/runtime.hpp"

namespace lamina::cuda {

template <class... Params, class... Args>
void launch(cudaStream_t stream, const char* what, const LaunchShape& shape, void (*kernel)(Params...),
            Args&&... args) {
    if (shape.blocks == 0 || shape.blocks_y == 0 || shape.blocks_z == 0) return;
    const lamina_tests::emulator::Grid grid{
        {shape.blocks, shape.blocks_y, shape.blocks_z}, shape.threads, shape.shared_bytes};
    const std::tuple<Params...> copied(static_cast<Params>(args)...);
    check(lamina_tests::emulator::enqueue(
              stream, [=] { lamina_tests::emulator::run(grid, [&] { std::apply(kernel, copied); }); }),
          [&] { return std::string(what) + " (" + describe(shape) + ")"; });
}

}  // namespace lamina::cuda
