// SPDX-License-Identifier: MIT
#include "../../examples/common/cuda_backend.hpp"
#include "measure.hpp"

namespace train_step {

namespace {

using namespace lamina;

template <class Execution, class Gradients>
Entry on_cuda() {
    using M = Measurable<gpt2_large, device::Cuda, precision::MixedBf16, Execution, Gradients>;
    return entry<M>(common::Device::cuda, "large", {.batch = 16, .sequence = 1024});
}

// What is not summed once per step cannot be streamed.
const Entries registered({on_cuda<execution::Merged, gradients::Streamed>(),
                          on_cuda<execution::Split, gradients::Streamed>(),
                          on_cuda<execution::Factored, gradients::Stored>()});

}  // namespace

}  // namespace train_step
