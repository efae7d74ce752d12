// SPDX-License-Identifier: MIT
#include "../cpu_backend.hpp"
#include "../open_size.hpp"

#include <lamina/recipe/nano.hpp>

namespace any_model {

namespace {

const Size registered("nano",
                      open_size<lamina::recipe::nano_architecture, lamina::precision::Fp32, lamina::device::Cpu>);

}  // namespace

}  // namespace any_model
