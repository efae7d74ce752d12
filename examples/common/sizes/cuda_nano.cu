// SPDX-License-Identifier: MIT
#include "../cuda_backend.hpp"
#include "../open_size.hpp"

#include <lamina/recipe/nano.hpp>

namespace any_model {

namespace {

const Size registered(common::Device::cuda, "nano",
                      open_size<lamina::recipe::nano_architecture, lamina::precision::Fp32, lamina::device::Cuda>);

}  // namespace

}  // namespace any_model
