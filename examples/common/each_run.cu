// SPDX-License-Identifier: MIT
// On the GPU, a run of each model and adaptation that the build was asked for.
#include "adapted.hpp"
#include "cuda_backend.hpp"
#include "opened.hpp"

#include "this_adaptation.hpp"
#include "this_model.hpp"

namespace any_model {

namespace {

using Run = common::AsItIs<ThisModel, ThisAdaptation, lamina::device::Cuda>;

const Runs registered(common::Device::cuda, common::built_model<ThisModel>(), {opened<Run>},
                      common::adaptation_of<ThisAdaptation>());

}  // namespace

}  // namespace any_model
