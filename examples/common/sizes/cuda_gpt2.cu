// SPDX-License-Identifier: MIT
#include "../cuda_backend.hpp"
#include "../open_size.hpp"

namespace any_model {

namespace {

const Size registered(common::Device::cuda, "gpt2",
                      open_size<lamina::gpt2_small, lamina::precision::FrozenBf16, lamina::device::Cuda>);

}  // namespace

}  // namespace any_model
