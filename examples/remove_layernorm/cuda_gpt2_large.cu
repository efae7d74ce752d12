// SPDX-License-Identifier: MIT
#include "../common/cuda_backend.hpp"
#include "../common/trained_on_cuda.hpp"
#include "pipeline.hpp"

namespace remove_layernorm {

namespace {

using Kept = common::KeptOnCuda<lamina::gpt2_large, lamina::execution::Split>;
using Removable = common::TrainedOnCuda<lamina::gpt2_large, lamina::execution::Split>;

const Sizes registered(common::Device::cuda, "gpt2-large", size_by_memory<Kept, Removable>());

}  // namespace

}  // namespace remove_layernorm
