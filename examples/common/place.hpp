// SPDX-License-Identifier: MIT
// Place: on which device a program runs its model, as the flags say.
#pragma once

#include <cstddef>
#include <string>

namespace common {

enum class Device { cpu, cuda };

[[nodiscard]] inline const char* name_of(Device device) { return device == Device::cpu ? "cpu" : "cuda"; }

/// How many shapes a program's matrix products have: where each batch has its own, timing algorithms for each would take
/// longer than it saves.
enum class Shapes { few, many };

/// cpu_backend.hpp and cuda_backend.hpp make the backend that it asks for: `make_backend(device policy, place, shapes)`.
struct Place {
    Device device = Device::cpu;
    std::size_t threads = 0;                ///< of the CPU; 0 for all cores
    std::string float_products = "bf16x6";  ///< of the GPU, as lamina::cuda::FloatProducts calls them
};

/// What is wrong when a program is asked for a model of a size that it was not built with.
[[nodiscard]] inline std::string not_built(Device device, const std::string& model) {
    return model + " is not in this build" +
           (device == Device::cuda ? " for cuda; configure it with -DLAMINA_CUDA=ON" : "; configure it with") +
           " -DLAMINA_MODELS=" + model;
}

}  // namespace common
