// SPDX-License-Identifier: MIT
#include "cuda_size.hpp"

namespace train_step {

namespace {

constexpr lamina::Extent usual{.batch = 16, .sequence = 1024};

const Entries kept(cuda_kept<lamina::gpt2_large>("large", usual));
const Entries registered(cuda_size<lamina::gpt2_large>("large", usual));

}  // namespace

}  // namespace train_step
