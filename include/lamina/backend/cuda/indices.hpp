// SPDX-License-Identifier: MIT
// Checks of token ids and row numbers that lie on the device, for builds that check their callers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <cuda_runtime_api.h>

#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cuda {

/// Whether indices on the device are all in [0, limit). Reads them back, so it is for LAMINA_EXPECTS only; true
/// while operations are recorded, when nothing can be read.
template <class Index>
[[nodiscard]] bool all_below(Context& context, const Rows<const Index, 1>& indices, std::size_t limit) {
    if (context.recording || indices.rows == 0) return true;
    std::vector<Index> host(indices.rows);
    check(cudaMemcpyAsync(host.data(), indices.data, host.size() * sizeof(Index), cudaMemcpyDeviceToHost,
                          context.stream()),
          "reading indices back");
    context.wait("reading indices back");
    return std::all_of(host.begin(), host.end(), [limit](Index index) {
        return std::cmp_greater_equal(index, 0) && std::cmp_less(index, limit);
    });
}

}  // namespace lamina::cuda
