// SPDX-License-Identifier: MIT
#include "../cpu_backend.hpp"
#include "../open_size.hpp"

namespace any_model {

namespace {

const Size registered("gpt2-medium",
                      open_size<lamina::gpt2_medium, lamina::precision::FrozenBf16, lamina::device::Cpu>);

}  // namespace

}  // namespace any_model
