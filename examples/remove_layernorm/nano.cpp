// SPDX-License-Identifier: MIT
#include "nano.hpp"
#include "../common/cpu_backend.hpp"

namespace remove_layernorm {

namespace {

const Sizes registered(common::Device::cpu, "nano", nano_size<lamina::device::Cpu>());

}  // namespace

}  // namespace remove_layernorm
