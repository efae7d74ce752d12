// SPDX-License-Identifier: MIT
// The runs of each model and adaptation that the build was asked for.
#include "runs.hpp"

#include "this_adaptation.hpp"
#include "this_model.hpp"

namespace convert {

namespace {

const Runs registered(common::Device::cpu, common::built_model<ThisModel>(), {convert_run<ThisModel, ThisAdaptation>},
                      common::adaptation_of<ThisAdaptation>());

}  // namespace

}  // namespace convert
