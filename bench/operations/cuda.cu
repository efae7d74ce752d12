// SPDX-License-Identifier: MIT
#include "../../examples/common/cuda_backend.hpp"
#include "../../examples/common/notes.hpp"
#include "step.hpp"

#include <lamina/core/bfloat16.hpp>

#include <cstdio>

namespace operations {

namespace {

/// As precision::MixedBf16 stores them.
struct Types {
    using Activation = lamina::bf16;
    using Stream = float;
    using Base = lamina::bf16;
    using Materialised = lamina::bf16;
};

Outcome run(const Request& request) {
    lamina::CudaBackend backend = make_backend(lamina::device::Cuda{}, request.place, common::Shapes::few);
    Outcome outcome = measure_all<Types>(backend, request);
    common::print_notes(stdout, common::notes_of(backend));
    return outcome;
}

const Runners registered({common::Device::cuda, run});

}  // namespace

}  // namespace operations
