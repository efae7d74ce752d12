// SPDX-License-Identifier: MIT
#include "../../examples/common/cuda_backend.hpp"
#include "measure.hpp"

namespace train_step {

namespace {

using namespace lamina;

constexpr Extent usual{.batch = 16, .sequence = 1024};
constexpr std::size_t smallest_card = 80'000'000'000;  // bytes, as such cards are sold

template <class Execution, class Gradients, class Recompute>
using Model = Measurable<gpt2_xl, device::Cuda, precision::MixedBf16, Execution, Gradients, Recompute>;

template <class M>
Entry on_cuda() {
    return entry<M>(common::Device::cuda, "xl", usual);
}

using Merged = Model<execution::Merged, gradients::Streamed, recompute::PerBlock>;
using Split = Model<execution::Split, gradients::Streamed, recompute::PerBlock>;
// What is not summed once per step cannot be streamed.
using Factored = Model<execution::Factored, gradients::Stored, recompute::PerBlock>;
// For cards that hold every activation.
using MergedKept = Model<execution::Merged, gradients::Streamed, recompute::None>;

static_assert(plan<Merged>(usual).peak_bytes() <= smallest_card);
static_assert(plan<Split>(usual).peak_bytes() <= smallest_card);

const Entries registered({on_cuda<Merged>(), on_cuda<Split>(), on_cuda<Factored>(), on_cuda<MergedKept>()});

}  // namespace

}  // namespace train_step
