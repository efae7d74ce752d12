// SPDX-License-Identifier: MIT
#include "pipeline.hpp"

namespace remove_layernorm {

namespace {

const Sizes registered("gpt2-large", size<lamina::gpt2_large, lamina::precision::FrozenBf16>());

}  // namespace

}  // namespace remove_layernorm
