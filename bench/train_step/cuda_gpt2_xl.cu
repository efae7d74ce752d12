// SPDX-License-Identifier: MIT
#include "cuda_size.hpp"

namespace train_step {

namespace {

using namespace lamina;

constexpr Extent usual{.batch = 16, .sequence = 1024};
// Bytes, as such cards are sold: an H100 or A100, and an H200.
constexpr std::size_t small_card = 80'000'000'000;
constexpr std::size_t large_card = 141'000'000'000;

static_assert(plan<common::TrainedOnCuda<gpt2_xl, execution::Merged>>(usual).peak_bytes() <= small_card);
static_assert(plan<common::TrainedOnCuda<gpt2_xl, execution::Split>>(usual).peak_bytes() <= small_card);
static_assert(plan<common::KeptOnCuda<gpt2_xl, execution::Merged>>(usual).peak_bytes() <= large_card);
static_assert(plan<common::KeptOnCuda<gpt2_xl, execution::Split>>(usual).peak_bytes() <= large_card);

const Entries kept(cuda_kept<gpt2_xl>("xl", usual));
const Entries registered(cuda_size<gpt2_xl>("xl", usual));

}  // namespace

}  // namespace train_step
