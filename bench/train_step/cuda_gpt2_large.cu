// SPDX-License-Identifier: MIT
#include "cuda_size.hpp"

namespace train_step {

namespace {

const Entries registered(cuda_size<lamina::gpt2_large>("large", {.batch = 16, .sequence = 1024}));

}  // namespace

}  // namespace train_step
