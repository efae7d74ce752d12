// SPDX-License-Identifier: MIT
#include "size.hpp"

#include <lamina/recipe/nano.hpp>

namespace convert {

namespace {

const Sizes registered("nano", size<lamina::recipe::nano_architecture, lamina::precision::Fp32>());

}  // namespace

}  // namespace convert
