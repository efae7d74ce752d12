// SPDX-License-Identifier: MIT
#include "../../examples/common/cpu_backend.hpp"
#include "step.hpp"

#include <lamina/core/bfloat16.hpp>

namespace operations {

namespace {

/// As precision::FrozenBf16 stores them.
struct Types {
    using Activation = float;
    using Stream = float;
    using Base = lamina::bf16;
    using Materialised = float;
};

Outcome run(const Request& request) {
    lamina::CpuBackend backend = make_backend(lamina::device::Cpu{}, request.place, common::Shapes::few);
    return measure_all<Types>(backend, request);
}

const Runners registered({common::Device::cpu, run});

}  // namespace

}  // namespace operations
