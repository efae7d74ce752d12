// SPDX-License-Identifier: MIT
// OneDnnEngine: single-precision matrix products by oneDNN.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <cstddef>

#include <lamina/backend/cpu/product.hpp>
#include <lamina/core/error.hpp>

namespace lamina::cpu {

namespace detail {

// OpenMP's own functions, under names that do not clash with <omp.h>; null where oneDNN was built without OpenMP.
[[gnu::weak]] void openmp_set_threads(int count) __asm__("omp_set_num_threads");
[[gnu::weak]] int openmp_threads() __asm__("omp_get_max_threads");

/// While it exists, OpenMP regions that the calling thread enters have one thread: the team has shared out the work.
class OneOpenMpThread {
public:
    OneOpenMpThread() {
        if (openmp_set_threads == nullptr || openmp_threads == nullptr) return;
        before_ = openmp_threads();
        openmp_set_threads(1);
    }
    OneOpenMpThread(const OneOpenMpThread&) = delete;
    OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;
    ~OneOpenMpThread() {
        if (before_ > 1) openmp_set_threads(before_);
    }

private:
    int before_ = 0;
};

}  // namespace detail

struct OneDnnEngine {
    static constexpr const char* name = "oneDNN";

    /// errors   lamina::Error when oneDNN reports a failure, which is to be out of memory
    static void multiply(const Product<float>& product) {
        const detail::OneOpenMpThread single;
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
