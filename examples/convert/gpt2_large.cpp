// SPDX-License-Identifier: MIT
#include "size.hpp"

namespace convert {

namespace {

const Sizes registered("gpt2-large", size<lamina::gpt2_large, lamina::precision::FrozenBf16>());

}  // namespace

}  // namespace convert
