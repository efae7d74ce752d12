// SPDX-License-Identifier: MIT
#include "../../examples/common/cuda_backend.hpp"
#include "measure.hpp"

namespace train_step {

namespace {

using namespace lamina;

template <class Execution, class... More>
Entry on_cuda() {
    using M = Measurable<gpt2_small, device::Cuda, precision::MixedBf16, Execution, More...>;
    return entry<M>(common::Device::cuda, "small", {.batch = 16, .sequence = 1024});
}

const Entries registered({on_cuda<execution::Merged>(), on_cuda<execution::Split>(), on_cuda<execution::Factored>()});

}  // namespace

}  // namespace train_step
