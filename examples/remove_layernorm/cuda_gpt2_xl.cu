// SPDX-License-Identifier: MIT
#include "../common/cuda_backend.hpp"
#include "../common/trained_on_cuda.hpp"
#include "pipeline.hpp"

namespace remove_layernorm {

namespace {

using Removable = common::TrainedOnCuda<lamina::gpt2_xl, lamina::execution::Split>;

const Sizes registered(common::Device::cuda, "gpt2-xl", size<Removable>());

}  // namespace

}  // namespace remove_layernorm
