// SPDX-License-Identifier: MIT
// On the CPU, a folder of each model that the build was asked for.
#include "cpu_backend.hpp"
#include "open_folder.hpp"

#include "this_model.hpp"

namespace any_model {

namespace {

const Folders registered(common::Device::cpu, common::built_model<ThisModel>(),
                         {open_folder<ThisModel, lamina::device::Cpu>});

}  // namespace

}  // namespace any_model
