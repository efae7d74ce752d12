// SPDX-License-Identifier: MIT
#include "../common/cuda_backend.hpp"
#include "pipeline.hpp"

namespace remove_layernorm {

namespace {

using Removable =
    RemovableGpt2<lamina::gpt2_small, lamina::device::Cuda, lamina::precision::MixedBf16, lamina::execution::Split>;

const Sizes registered(common::Device::cuda, "gpt2", size<Removable>());

}  // namespace

}  // namespace remove_layernorm
