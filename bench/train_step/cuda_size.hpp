// SPDX-License-Identifier: MIT
// The entries of a size on a GPU: one for each execution, and one where memory matters.
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

/// Of a size that has to save memory on small cards: what is quicker where it has room. Before the others, since the first
/// that fits is taken (choice.hpp).
template <lamina::Architecture A>
[[nodiscard]] std::vector<Entry> cuda_kept(const char* size, lamina::Extent usual) {
    return {entry<common::KeptOnCuda<A, lamina::execution::Merged>>(common::Device::cuda, size, usual)};
}

}  // namespace train_step
