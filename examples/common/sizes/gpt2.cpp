// SPDX-License-Identifier: MIT
#include "../open_size.hpp"

namespace any_model {

namespace {

const Size registered("gpt2", open_size<lamina::gpt2_small, lamina::precision::FrozenBf16>);

}  // namespace

}  // namespace any_model
