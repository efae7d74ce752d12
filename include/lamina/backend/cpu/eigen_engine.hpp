// SPDX-License-Identifier: MIT
// EigenEngine: matrix products by Eigen, for float and double.
#pragma once

#ifndef LAMINA_COMPILED_KERNELS
#include <Eigen/Core>
#endif

#include <algorithm>
#include <cstddef>

#include <lamina/backend/cpu/product.hpp>

namespace lamina::cpu {

struct EigenEngine {
    static constexpr const char* name = "Eigen";

    /// Eigen blocks for the caches it detects, and takes the last level's size for all cores, or of the host of a
    /// virtual machine, as its own. This is a setting of the whole process: the first call makes it, and later ones,
    /// which may come while other threads multiply, leave it alone.
    template <class...>  // so that it can be compiled once, as the kernels are
    static void limit_cache_sizes();

    template <class Compute>
    static void multiply(const Product<Compute>& product);
};

/// values[i] = √values[i]. By Eigen, because compilers leave loops with std::sqrt alone: it may have to set errno.
template <class Compute>
void take_square_roots(Compute* values, std::size_t count);

// Nobody but lamina::cpu_kernels compiles Eigen where that library is linked.
#ifndef LAMINA_COMPILED_KERNELS
template <class...>
void EigenEngine::limit_cache_sizes() {
    static const bool limited = [] {
        constexpr std::ptrdiff_t kib = 1024;
        Eigen::setCpuCacheSizes(Eigen::l1CacheSize(), Eigen::l2CacheSize(), 4096 * kib);
        return true;
    }();
    static_cast<void>(limited);
}

namespace detail {

/// out += lhs · rhs on the calling thread, by what Eigen's product expressions end in. The expressions would bring
/// products with a vector and of tiny matrices along, in every arrangement: most of the time that compiling takes, and
/// tiles are neither.
template <Eigen::StorageOptions LhsOrder, Eigen::StorageOptions RhsOrder, class Compute>
void add_product(const Product<Compute>& product) {
    using Eigen::Index;
    using Multiply = Eigen::internal::general_matrix_matrix_product<Index, Compute, LhsOrder, false, Compute, RhsOrder,
                                                                    false, Eigen::RowMajor, 1>;
    using Blocking = Eigen::internal::gemm_blocking_space<Eigen::RowMajor, Compute, Compute, Eigen::Dynamic,
                                                          Eigen::Dynamic, Eigen::Dynamic>;
    const auto& [out, lhs, rhs, write] = product;
    const auto rows = static_cast<Index>(out.rows);
    const auto cols = static_cast<Index>(out.cols);
    const auto depth = static_cast<Index>(lhs.cols());
    Blocking blocking(rows, cols, depth, 1, true);
    Multiply::run(rows, cols, depth, lhs.stored.data, static_cast<Index>(lhs.stored.stride), rhs.stored.data,
                  static_cast<Index>(rhs.stored.stride), out.data, 1, static_cast<Index>(out.stride), Compute(1),
                  blocking, nullptr);
}

}  // namespace detail

template <class Compute>
void EigenEngine::multiply(const Product<Compute>& product) {
    using Eigen::ColMajor;
    using Eigen::RowMajor;
    const auto& [out, lhs, rhs, write] = product;
    if (write == Write::overwrite) {
        for (std::size_t row = 0; row < out.rows; ++row) std::fill_n(out.row(row), out.cols, Compute(0));
    }
    if (lhs.as == Transpose::no) {
        return rhs.as == Transpose::no ? detail::add_product<RowMajor, RowMajor>(product)
                                       : detail::add_product<RowMajor, ColMajor>(product);
    }
    return rhs.as == Transpose::no ? detail::add_product<ColMajor, RowMajor>(product)
                                   : detail::add_product<ColMajor, ColMajor>(product);
}

template <class Compute>
void take_square_roots(Compute* values, std::size_t count) {
    Eigen::Map<Eigen::Array<Compute, Eigen::Dynamic, 1>> roots(values, static_cast<Eigen::Index>(count));
    roots = roots.sqrt();
}
#endif

}  // namespace lamina::cpu
