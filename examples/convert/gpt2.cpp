// SPDX-License-Identifier: MIT
#include "size.hpp"

namespace convert {

namespace {

const Sizes registered("gpt2", size<lamina::gpt2_small, lamina::precision::FrozenBf16>());

}  // namespace

}  // namespace convert
