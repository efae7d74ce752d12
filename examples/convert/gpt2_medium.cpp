// SPDX-License-Identifier: MIT
#include "size.hpp"

namespace convert {

namespace {

const Sizes registered("gpt2-medium", size<lamina::gpt2_medium, lamina::precision::FrozenBf16>());

}  // namespace

}  // namespace convert
