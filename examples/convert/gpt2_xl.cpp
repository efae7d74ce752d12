// SPDX-License-Identifier: MIT
#include "size.hpp"

namespace convert {

namespace {

const Sizes registered("gpt2-xl", size<lamina::gpt2_xl, lamina::precision::FrozenBf16>());

}  // namespace

}  // namespace convert
