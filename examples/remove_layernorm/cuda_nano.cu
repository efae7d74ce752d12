// SPDX-License-Identifier: MIT
#include "../common/cuda_backend.hpp"
#include "nano.hpp"

namespace remove_layernorm {

namespace {

const Sizes registered(common::Device::cuda, "nano", nano_size<lamina::device::Cuda>());

}  // namespace

}  // namespace remove_layernorm
