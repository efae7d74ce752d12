// SPDX-License-Identifier: MIT
#include "../common/cpu_backend.hpp"
#include "pipeline.hpp"

namespace remove_layernorm {

namespace {

using Removable = RemovableGpt2<lamina::gpt2_medium, lamina::precision::FrozenBf16>;

const Sizes registered(common::Device::cpu, "gpt2-medium", size<Removable>());

}  // namespace

}  // namespace remove_layernorm
