// SPDX-License-Identifier: MIT
// On the CPU, the removal for each model and adaptation that the build was asked for.
#include "../common/adapted.hpp"
#include "../common/cpu_backend.hpp"
#include "pipeline.hpp"
#include "pretrain.hpp"

#include "this_adaptation.hpp"
#include "this_model.hpp"

namespace remove_layernorm {

namespace {

using Removable = common::TrainedOnCpu<ThisModel, ThisAdaptation>;

const Runs registered(common::Device::cpu, common::built_model<ThisModel>(),
                      run_of<Removable, weights_of<ThisModel, lamina::device::Cpu>>(),
                      common::adaptation_of<ThisAdaptation>());

}  // namespace

}  // namespace remove_layernorm
