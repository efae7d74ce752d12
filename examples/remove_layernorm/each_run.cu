// SPDX-License-Identifier: MIT
// On the GPU, the removal for each model and adaptation that the build was asked for: as much is kept as it has room for.
#include "../common/cuda_backend.hpp"
#include "../common/trained_on_cuda.hpp"
#include "pipeline.hpp"
#include "pretrain.hpp"

#include "this_adaptation.hpp"
#include "this_model.hpp"

#include <string_view>
#include <type_traits>

namespace remove_layernorm {

namespace {

/// W + A·B in bf16 would round small updates away, A·B beside W does not (docs/design.md, "Merged execution").
using Once = std::conditional_t<std::string_view(ThisAdaptation::precision) == "fp32", lamina::execution::Merged,
                                lamina::execution::Split>;
using Execution = common::ExecutionOf<ThisAdaptation, ThisModel::architecture.embed, Once>;
using Kept = common::KeptOnCuda<ThisModel, ThisAdaptation, Execution>;
using Removable = common::TrainedOnCuda<ThisModel, ThisAdaptation, Execution>;

const Runs registered(common::Device::cuda, common::built_model<ThisModel>(),
                      run_by_memory<Kept, Removable, weights_of<ThisModel, lamina::device::Cuda>>(),
                      common::adaptation_of<ThisAdaptation>());

}  // namespace

}  // namespace remove_layernorm
