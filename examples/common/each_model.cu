// SPDX-License-Identifier: MIT
// On the GPU, a folder of each model that the build was asked for.
#include "cuda_backend.hpp"
#include "open_folder.hpp"

#include "this_model.hpp"

namespace any_model {

namespace {

const Folders registered(common::Device::cuda, common::built_model<ThisModel>(),
                         {open_folder<ThisModel, lamina::device::Cuda>});

}  // namespace

}  // namespace any_model
