// SPDX-License-Identifier: MIT
#include "../common/cuda_backend.hpp"
#include "pipeline.hpp"

namespace remove_layernorm {

namespace {

using Removable = RemovableGpt2<lamina::gpt2_large, lamina::device::Cuda, lamina::precision::MixedBf16,
                                lamina::execution::Split, lamina::gradients::Streamed>;

const Sizes registered(common::Device::cuda, "gpt2-large", size<Removable>());

}  // namespace

}  // namespace remove_layernorm
