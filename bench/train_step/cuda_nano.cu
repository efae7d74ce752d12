// SPDX-License-Identifier: MIT
#include "cuda_size.hpp"

#include <lamina/recipe/nano.hpp>

namespace train_step {

namespace {

const Entries registered(cuda_size<lamina::recipe::nano_architecture>("nano", {.batch = 16, .sequence = 128}));

}  // namespace

}  // namespace train_step
