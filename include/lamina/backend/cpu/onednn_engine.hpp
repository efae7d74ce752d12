// SPDX-License-Identifier: MIT
// OneDnnEngine: single-precision matrix products by oneDNN.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <cstddef>

#include <lamina/backend/cpu/openmp.hpp>
#include <lamina/backend/cpu/product.hpp>
#include <lamina/core/error.hpp>

namespace lamina::cpu {

struct OneDnnEngine {
    static constexpr const char* name = "oneDNN";

    /// errors   lamina::Error when oneDNN reports a failure, which is to be out of memory
    static void multiply(const Product<float>& product) {
        const OneOpenMpThread single;
        const auto& [out, lhs, rhs, write] = product;
        const dnnl_status_t status =
            dnnl_sgemm(letter(lhs.as), letter(rhs.as), size(out.rows), size(out.cols), size(lhs.cols()), 1.0F,
                       lhs.stored.data, pitch(lhs.stored), rhs.stored.data, pitch(rhs.stored),
                       write == Write::accumulate ? 1.0F : 0.0F, out.data, pitch(out));
        if (status != dnnl_success) throw Error("CpuBackend: matmul: oneDNN failed, probably out of memory");
    }

private:
    static char letter(Transpose as) { return as == Transpose::yes ? 'T' : 'N'; }
    static dnnl_dim_t size(std::size_t count) { return static_cast<dnnl_dim_t>(count); }
    // The stride of a single row is of no interest to us, but oneDNN wants it to be possible.
    template <class T>
    static dnnl_dim_t pitch(const MatrixView<T>& view) {
        return size(std::max(view.stride, view.cols));
    }
};

}  // namespace lamina::cpu
