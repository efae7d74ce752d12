// SPDX-License-Identifier: MIT
#include "../common/cpu_backend.hpp"
#include "pipeline.hpp"

namespace remove_layernorm {

namespace {

using Removable = RemovableGpt2<lamina::gpt2_xl, lamina::precision::FrozenBf16>;

const Sizes registered(common::Device::cpu, "gpt2-xl", size<Removable>());

}  // namespace

}  // namespace remove_layernorm
