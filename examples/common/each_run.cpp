// SPDX-License-Identifier: MIT
// On the CPU, a run of each model and adaptation that the build was asked for.
#include "adapted.hpp"
#include "cpu_backend.hpp"
#include "opened.hpp"

#include "this_adaptation.hpp"
#include "this_model.hpp"

namespace any_model {

namespace {

using Run = common::AsItIs<ThisModel, ThisAdaptation, lamina::device::Cpu>;

const Runs registered(common::Device::cpu, common::built_model<ThisModel>(), {opened<Run>},
                      common::adaptation_of<ThisAdaptation>());

}  // namespace

}  // namespace any_model
