// SPDX-License-Identifier: MIT
#include "cuda_size.hpp"

namespace train_step {

namespace {

using namespace lamina;

constexpr Extent usual{.batch = 16, .sequence = 1024};
constexpr std::size_t smallest_card = 80'000'000'000;  // bytes, as such cards are sold

// For cards that hold every activation.
using MergedKept = common::TrainedOnCuda<gpt2_xl, execution::Merged, recompute::None>;

static_assert(plan<common::TrainedOnCuda<gpt2_xl, execution::Merged>>(usual).peak_bytes() <= smallest_card);
static_assert(plan<common::TrainedOnCuda<gpt2_xl, execution::Split>>(usual).peak_bytes() <= smallest_card);

const Entries registered(cuda_size<gpt2_xl>("xl", usual));
const Entries kept({entry<MergedKept>(common::Device::cuda, "xl", usual)});

}  // namespace

}  // namespace train_step
