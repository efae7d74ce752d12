// SPDX-License-Identifier: MIT
#include "pipeline.hpp"

namespace remove_layernorm {

namespace {

const Sizes registered("gpt2", [](Job& job) { run_pipeline<lamina::gpt2_small, lamina::precision::FrozenBf16>(job); });

}  // namespace

}  // namespace remove_layernorm
