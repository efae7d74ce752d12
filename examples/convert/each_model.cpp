// SPDX-License-Identifier: MIT
// The weights of each model that the build was asked for.
#include "weights.hpp"

#include "this_model.hpp"

namespace convert {

namespace {

const Models registered(common::Device::cpu, common::built_model<ThisModel>(), {convert_weights<ThisModel>});

}  // namespace

}  // namespace convert
