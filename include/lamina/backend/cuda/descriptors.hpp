// SPDX-License-Identifier: MIT
// Descriptors: what cuBLASLt is told of a product, made once per problem; and the library's handle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include <cublasLt.h>

#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/product.hpp>

namespace lamina::cuda {

namespace detail {

/// Owns one of the library's objects; `destroy` is the function that ends it.
template <class Pointer, auto destroy>
class Owned {
public:
    Owned() = default;
    template <class What, class Create, class... Args>
    Owned(const What& what, Create create, const Args&... args) {
        Pointer made = nullptr;
        check(create(&made, args...), what);
        object_.reset(made);
    }
    [[nodiscard]] Pointer get() const { return object_.get(); }

private:
    struct Destroy {
        void operator()(std::remove_pointer_t<Pointer>* object) const { static_cast<void>(destroy(object)); }
    };
    std::unique_ptr<std::remove_pointer_t<Pointer>, Destroy> object_;
};

using OwnedLayout = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using OwnedProduct = Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using OwnedPreference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

}  // namespace detail

using LibraryHandle = detail::Owned<cublasLtHandle_t, cublasLtDestroy>;

[[nodiscard]] inline LibraryHandle library_handle() { return LibraryHandle("starting cuBLASLt", cublasLtCreate); }

/// The version of the library that runs, such as "13.1.0".
[[nodiscard]] inline std::string library_version() {
    const std::size_t version = cublasLtGetVersion();
    return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
           std::to_string(version % 100);
}

/// The library's matrices are column-major, lamina's row-major, and a row-major matrix is a column-major one that is
/// transposed, its stride the leading dimension. So the library is asked for outᵀ = op(rhs)ᵀ · op(lhs)ᵀ: its A is rhs,
/// its B is lhs, both as they are stored, each with the same transpose that it had; its m is N and its n is M. A bias
/// along lamina's columns is one along the library's rows, as its epilogue wants it.
class Descriptors {
public:
    explicit Descriptors(const Product& p) : Descriptors(p, [&p] { return describe(p); }) {}

    /// The vectors and matrices that are arguments of the epilogue; they may change from call to call.
    void set_addresses(const Product& p) {
        const auto what = [&p] { return describe(p); };
        if (p.bias != nullptr) set(what, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
        if (p.aux.data != nullptr) set(what, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, p.aux.data);
    }

    [[nodiscard]] cublasLtMatmulDesc_t product() const { return product_.get(); }
    [[nodiscard]] cublasLtMatrixLayout_t a() const { return a_.get(); }
    [[nodiscard]] cublasLtMatrixLayout_t b() const { return b_.get(); }
    /// The one of d, not only its equal, where the library reads what it writes.
    [[nodiscard]] cublasLtMatrixLayout_t c() const { return c_.get() == nullptr ? d_.get() : c_.get(); }
    [[nodiscard]] cublasLtMatrixLayout_t d() const { return d_.get(); }

private:
    template <class What>
    Descriptors(const Product& p, const What& what)
        : product_(what, cublasLtMatmulDescCreate, p.compute, scale_type(p)),
          a_(layout(p.rhs, what)),
          b_(layout(p.lhs, what)),
          c_(base_is_out(p) ? detail::OwnedLayout() : layout(p.base, what)),
          d_(layout(p.out, what)) {
        set(what, CUBLASLT_MATMUL_DESC_TRANSA, operation(p.rhs_as));
        set(what, CUBLASLT_MATMUL_DESC_TRANSB, operation(p.lhs_as));
        set(what, CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(p));
        // The types of bias and aux are out's without being told.
        if (p.aux.data != nullptr) {
            set(what, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, static_cast<std::int64_t>(p.aux.stride));
        }
        set_addresses(p);
    }

    static bool base_is_out(const Product& p) {
        return !p.adds() || (p.in_place() && p.base.type == p.out.type && p.base.stride == p.out.stride);
    }
    static cudaDataType_t scale_type(const Product& p) {
        return p.compute == CUBLAS_COMPUTE_64F ? CUDA_R_64F : CUDA_R_32F;
    }
    static cublasOperation_t operation(Transpose as) { return as == Transpose::yes ? CUBLAS_OP_T : CUBLAS_OP_N; }

    template <class What>
    static detail::OwnedLayout layout(const StoredMatrix& matrix, const What& what) {
        return detail::OwnedLayout(what, cublasLtMatrixLayoutCreate, matrix.type,
                                   static_cast<std::uint64_t>(matrix.cols), static_cast<std::uint64_t>(matrix.rows),
                                   static_cast<std::int64_t>(matrix.stride));
    }

    template <class What, class Value>
    void set(const What& what, cublasLtMatmulDescAttributes_t attribute, const Value& value) {
        check(cublasLtMatmulDescSetAttribute(product_.get(), attribute, &value, sizeof value), what);
    }

    detail::OwnedProduct product_;
    detail::OwnedLayout a_, b_, c_, d_;  // no c_ where the base is out
};

}  // namespace lamina::cuda
