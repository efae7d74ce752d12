// SPDX-License-Identifier: MIT
// EigenEngine: matrix products by Eigen, for float and double.
#pragma once

#include <Eigen/Core>

#include <cstddef>
#include <type_traits>

#include <lamina/backend/cpu/openmp.hpp>
#include <lamina/backend/cpu/product.hpp>

namespace lamina::cpu {

struct EigenEngine {
    static constexpr const char* name = "Eigen";

    /// Eigen blocks for the caches it detects, and takes the last level's size for all cores, or of the host of a
    /// virtual machine, as its own. This is a setting of the whole process: the first call makes it, and later ones,
    /// which may come while other threads multiply, leave it alone.
    static void limit_cache_sizes() {
        static const bool limited = [] {
            constexpr std::ptrdiff_t kib = 1024;
            Eigen::setCpuCacheSizes(Eigen::l1CacheSize(), Eigen::l2CacheSize(), 4096 * kib);
            return true;
        }();
        static_cast<void>(limited);
    }

    template <class Compute>
    static void multiply(const Product<Compute>& product) {
        const OneOpenMpThread single;
        auto out = map(product.out);
        if (product.write == Write::overwrite) out.setZero();
        const auto lhs = map(product.lhs.stored);
        const auto rhs = map(product.rhs.stored);
        if (product.lhs.as == Transpose::no && product.rhs.as == Transpose::no) out.noalias() += lhs * rhs;
        if (product.lhs.as == Transpose::no && product.rhs.as == Transpose::yes) out.noalias() += lhs * rhs.transpose();
        if (product.lhs.as == Transpose::yes && product.rhs.as == Transpose::no) out.noalias() += lhs.transpose() * rhs;
        if (product.lhs.as == Transpose::yes && product.rhs.as == Transpose::yes) {
            out.noalias() += lhs.transpose() * rhs.transpose();
        }
    }

private:
    template <class T>
    static auto map(const MatrixView<T>& view) {
        using Matrix =
            Eigen::Matrix<typename MatrixView<T>::value_type, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
        using Mapped = std::conditional_t<std::is_const_v<T>, const Matrix, Matrix>;
        using Stride = Eigen::OuterStride<>;
        return Eigen::Map<Mapped, Eigen::Unaligned, Stride>(view.data, static_cast<Eigen::Index>(view.rows),
                                                            static_cast<Eigen::Index>(view.cols),
                                                            Stride(static_cast<Eigen::Index>(view.stride)));
    }
};

}  // namespace lamina::cpu
