// SPDX-License-Identifier: MIT
#include "../common/cuda_backend.hpp"
#include "pipeline.hpp"

namespace remove_layernorm {

namespace {

using Removable = RemovableGpt2<lamina::gpt2_xl, lamina::device::Cuda, lamina::precision::MixedBf16,
                                lamina::execution::Split, lamina::gradients::Streamed, lamina::recompute::PerBlock>;

const Sizes registered(common::Device::cuda, "gpt2-xl", size<Removable>());

}  // namespace

}  // namespace remove_layernorm
