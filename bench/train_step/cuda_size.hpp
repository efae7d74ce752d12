// SPDX-License-Identifier: MIT
// The entries that every size has on a GPU: one for each execution.
#pragma once

#include "../../examples/common/cuda_backend.hpp"
#include "../../examples/common/trained_on_cuda.hpp"
#include "measure.hpp"

#include <vector>

namespace train_step {

template <lamina::Architecture A>
[[nodiscard]] std::vector<Entry> cuda_size(const char* size, lamina::Extent usual) {
    namespace execution = lamina::execution;
    constexpr common::Device cuda = common::Device::cuda;
    return {entry<common::TrainedOnCuda<A, execution::Merged>>(cuda, size, usual),
            entry<common::TrainedOnCuda<A, execution::Split>>(cuda, size, usual),
            entry<common::TrainedOnCuda<A, execution::Factored>>(cuda, size, usual)};
}

}  // namespace train_step
