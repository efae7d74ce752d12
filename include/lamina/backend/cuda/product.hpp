// SPDX-License-Identifier: MIT
// Product: one matrix product as cuBLASLt can make it, in lamina's row-major words, and the part of it that stays.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include <cublasLt.h>

#include <lamina/backend/contract.hpp>

namespace lamina::cuda {

/// The library's name of a stored type.
template <class T>
inline constexpr cudaDataType_t data_type = std::is_same_v<T, double>
                                                ? CUDA_R_64F
                                                : (std::is_same_v<T, float> ? CUDA_R_32F : CUDA_R_16BF);

[[nodiscard]] constexpr std::size_t size_of(cudaDataType_t type) {
    return type == CUDA_R_64F ? 8 : (type == CUDA_R_32F ? 4 : 2);
}
[[nodiscard]] constexpr const char* name_of(cudaDataType_t type) {
    return type == CUDA_R_64F ? "double" : (type == CUDA_R_32F ? "float" : "bf16");
}
[[nodiscard]] constexpr const char* name_of(cublasComputeType_t compute) {
    return compute == CUBLAS_COMPUTE_64F ? "double" : (compute == CUBLAS_COMPUTE_32F ? "float" : "tf32");
}

/// What the library does to z = scale · lhs · rhs + bias + base before it writes out.
enum class Activation : std::uint8_t {
    none,
    gelu,          ///< aux = z, out = gelu(z)
    gelu_backward  ///< out = z times the derivative of gelu at aux
};

/// A matrix in device memory, its type known at run time.
struct StoredMatrix {
    const void* data = nullptr;
    cudaDataType_t type = CUDA_R_32F;
    std::size_t rows = 0;
    std::size_t cols = 0;
    std::size_t stride = 0;

    StoredMatrix() = default;
    template <class T>
    StoredMatrix(const MatrixView<T>& view)  // NOLINT(google-explicit-constructor): nothing is lost but the type
        : data(view.data), type(data_type<std::remove_const_t<T>>), rows(view.rows), cols(view.cols) {
        // The stride of a single row means nothing, so it is one that suits the library.
        stride = rows <= 1 ? (cols + 15) / 16 * 16 : view.stride;
    }
};

/// The largest power of two, up to 16, that divides an address: no kernel loads more at once, and layers that are equal
/// but for where they lie beyond that are one problem.
[[nodiscard]] inline std::int64_t alignment_of(const void* address) {
    const auto bits = reinterpret_cast<std::uintptr_t>(address) | 16U;
    return static_cast<std::int64_t>(bits & (~bits + 1));
}
/// Whether every row starts at a multiple of 16 bytes, as the matrix units' loads want it.
[[nodiscard]] inline bool aligned(const StoredMatrix& matrix) {
    return alignment_of(matrix.data) >= 16 && matrix.stride * size_of(matrix.type) % 16 == 0;
}

/// out = activation(scale · op(lhs) · op(rhs) + bias + base).
///
/// shapes   op(lhs) [M, K], op(rhs) [K, N]; out, base, aux [M, N]; bias [N]
/// scalars  base, bias and aux have out's type
/// optional bias, base, aux
/// aliasing base may be out
struct Product {
    const char* what = "Matmul";  ///< the operation as a user of the backend knows it, for errors
    StoredMatrix out;             ///< its data are written
    StoredMatrix lhs;
    StoredMatrix rhs;
    Transpose lhs_as = Transpose::no;
    Transpose rhs_as = Transpose::no;
    cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
    double scale = 1;
    const void* bias = nullptr;
    StoredMatrix base{};
    Activation activation = Activation::none;
    StoredMatrix aux{};

    [[nodiscard]] std::size_t depth() const { return lhs_as == Transpose::yes ? lhs.rows : lhs.cols; }
    [[nodiscard]] bool adds() const { return base.data != nullptr; }
    [[nodiscard]] bool in_place() const { return adds() && base.data == out.data; }
    [[nodiscard]] void* written() const { return const_cast<void*>(out.data); }
};

[[nodiscard]] inline cublasLtEpilogue_t epilogue_of(const Product& product) {
    const bool bias = product.bias != nullptr;
    switch (product.activation) {
        case Activation::gelu:
            return bias ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
        case Activation::gelu_backward:
            return CUBLASLT_EPILOGUE_DGELU;
        default:
            return bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    }
}

/// "Matmul: out [8, 16] float = lhs [8, 4] bf16 · rhs [16, 4]ᵀ bf16 in float + base, epilogue 4".
[[nodiscard]] inline std::string describe(const Product& product) {
    const auto matrix = [](const char* name, const StoredMatrix& stored, Transpose as = Transpose::no) {
        return std::string(name) + " [" + std::to_string(stored.rows) + ", " + std::to_string(stored.cols) + "]" +
               (as == Transpose::yes ? "ᵀ " : " ") + name_of(stored.type);
    };
    return std::string(product.what) + ": " + matrix("out", product.out) + " = " +
           matrix("lhs", product.lhs, product.lhs_as) + " · " + matrix("rhs", product.rhs, product.rhs_as) + " in " +
           name_of(product.compute) + (product.adds() ? " + base" : "") + ", epilogue " +
           std::to_string(static_cast<int>(epilogue_of(product)));
}

/// All of a product that decides which algorithms can make it and how long each takes: everything but addresses, of
/// which it keeps the alignment, and the scale.
struct Problem {
    std::int64_t rows, cols, depth;
    std::int64_t compute, lhs_type, rhs_type, out_type;
    std::int64_t lhs_transposed, rhs_transposed;
    std::int64_t lhs_stride, rhs_stride, base_stride, out_stride, aux_stride;
    std::int64_t epilogue, adds, in_place;
    std::int64_t lhs_alignment, rhs_alignment, base_alignment, out_alignment, bias_alignment, aux_alignment;

    friend auto operator<=>(const Problem&, const Problem&) = default;

    [[nodiscard]] static Problem of(const Product& p) {
        const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
        const StoredMatrix& base = p.adds() ? p.base : p.out;
        return {.rows = number(p.out.rows),
                .cols = number(p.out.cols),
                .depth = number(p.depth()),
                .compute = number(p.compute),
                .lhs_type = number(p.lhs.type),
                .rhs_type = number(p.rhs.type),
                .out_type = number(p.out.type),
                .lhs_transposed = number(p.lhs_as == Transpose::yes),
                .rhs_transposed = number(p.rhs_as == Transpose::yes),
                .lhs_stride = number(p.lhs.stride),
                .rhs_stride = number(p.rhs.stride),
                .base_stride = number(base.stride),
                .out_stride = number(p.out.stride),
                .aux_stride = number(p.aux.data == nullptr ? 0 : p.aux.stride),
                .epilogue = number(epilogue_of(p)),
                .adds = number(p.adds()),
                .in_place = number(p.in_place()),
                .lhs_alignment = alignment_of(p.lhs.data),
                .rhs_alignment = alignment_of(p.rhs.data),
                .base_alignment = alignment_of(base.data),
                .out_alignment = alignment_of(p.out.data),
                .bias_alignment = alignment_of(p.bias),
                .aux_alignment = alignment_of(p.aux.data)};
    }
};

}  // namespace lamina::cuda
