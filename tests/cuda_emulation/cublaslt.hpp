// SPDX-License-Identifier: MIT
// The emulated cuBLASLt beyond its C functions, which cublaslt.cpp defines.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <cublasLt.h>

namespace lamina_tests::emulator {

/// What cublasLtMatmul was asked for, in the library's column-major words.
struct LibraryCall {
    std::uint64_t m, n, k;
    cudaDataType_t a_type, b_type, d_type;
    cublasComputeType_t compute;
    cublasLtEpilogue_t epilogue;
    double beta;
    const void* a;
    const void* b;
    const void* c;
    const void* d;
    std::uint64_t algorithm;
};

/// Calls since `forget_library_calls`.
[[nodiscard]] const std::vector<LibraryCall>& library_calls();
void forget_library_calls();

/// Whether products are computed, or only checked and counted.
void set_arithmetic(bool on);

/// Which algorithms the heuristic offers: those for any alignment too, those only whose matrices' rows start at multiples
/// of 16 bytes, or none.
enum class Offer : std::uint8_t { all, aligned, none };
void offer(Offer algorithms);

/// The next `count` calls of cublasLtMatmul answer CUBLAS_STATUS_NOT_SUPPORTED, as an algorithm may that was offered.
void refuse_products(std::size_t count);

/// The next `count` searches for algorithms answer CUBLAS_STATUS_INVALID_VALUE, as for descriptors that contradict each
/// other.
void refuse_descriptors(std::size_t count);

/// What each product takes by the device's clock beyond what it takes here; null: nothing. For whole programs,
/// $LAMINA_EMULATED_QUICKEST is the number of the algorithm that takes less than all others.
void price_products(std::function<std::chrono::nanoseconds(const LibraryCall&)> price);

/// What cublasLtGetVersion says.
void set_library_version(std::size_t version);

}  // namespace lamina_tests::emulator
