// SPDX-License-Identifier: MIT
// OneOpenMpThread: keeps OpenMP, which the matrix libraries may use, from multiplying our threads.
#pragma once

namespace lamina::cpu {

namespace detail {

// OpenMP's own functions under names that do not clash with <omp.h>. Null where the program has no OpenMP: whether a
// library brings it along is not known here.
[[gnu::weak]] void openmp_set_threads(int count) __asm__("omp_set_num_threads");
[[gnu::weak]] int openmp_threads() __asm__("omp_get_max_threads");

}  // namespace detail

/// While it exists, OpenMP regions that the calling thread enters have one thread: the team has shared out the work
/// already, and OpenMP's threads would go on spinning beside it.
class OneOpenMpThread {
public:
    OneOpenMpThread() {
        if (detail::openmp_set_threads == nullptr || detail::openmp_threads == nullptr) return;
        before_ = detail::openmp_threads();
        if (before_ != 1) detail::openmp_set_threads(1);
    }
    OneOpenMpThread(const OneOpenMpThread&) = delete;
    OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;
    ~OneOpenMpThread() {
        if (before_ > 1) detail::openmp_set_threads(before_);
    }

private:
    int before_ = 0;  ///< 0: no OpenMP
};

}  // namespace lamina::cpu
