// SPDX-License-Identifier: MIT
#include "../cpu_backend.hpp"
#include "../open_size.hpp"

namespace any_model {

namespace {

const Size registered("gpt2", open_size<lamina::gpt2_small, lamina::precision::FrozenBf16, lamina::device::Cpu>);

}  // namespace

}  // namespace any_model
