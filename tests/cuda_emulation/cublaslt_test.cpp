// SPDX-License-Identifier: MIT
// The emulated cuBLASLt refuses what the manual does not list.
#include "cuda_emulation/cublaslt.hpp"

#include <vector>

#include <lamina/backend/cuda/descriptors.hpp>
#include <lamina/core/bfloat16.hpp>

#include "support/catch.hpp"

namespace {

using namespace lamina;
using namespace lamina::cuda;
namespace emulator = lamina_tests::emulator;

alignas(256) std::byte memory[6][4096];

template <class T>
MatrixView<T> matrix(int place, std::size_t rows, std::size_t cols, std::size_t stride) {
    return {reinterpret_cast<T*>(memory[place]), rows, cols, stride};
}
template <class Operand, class Out>
Product product() {
    Product result;
    result.out = matrix<Out>(0, 8, 16, 16);
    result.lhs = matrix<const Operand>(1, 8, 16, 16);
    result.rhs = matrix<const Operand>(2, 16, 16, 16);
    return result;
}

struct Answer {
    cublasStatus_t heuristic;
    cublasStatus_t multiplied;
};

/// What the heuristic says, without a workspace, and then the product with what it found.
Answer ask(const Product& p) {
    const Descriptors d(p);
    const LibraryHandle handle = library_handle();
    const cuda::detail::OwnedPreference preference("preference", cublasLtMatmulPreferenceCreate);
    cublasLtMatmulHeuristicResult_t result{};
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(handle.get(), d.product(), d.a(), d.b(), d.c(), d.d(),
                                                                 preference.get(), 1, &result, &count);
    if (status != CUBLAS_STATUS_SUCCESS) return {status, CUBLAS_STATUS_NOT_INITIALIZED};
    const float one = 1;
    return {status, cublasLtMatmul(handle.get(), d.product(), &one, p.rhs.data, d.a(), p.lhs.data, d.b(), &one,
                                   p.adds() ? p.base.data : p.out.data, d.c(), p.written(), d.d(), &result.algo,
                                   memory[5], 0, nullptr)};
}

}  // namespace

TEST_CASE("only listed types multiply", "[cuda][emulator]") {
    CHECK(ask(product<bf16, bf16>()).multiplied == CUBLAS_STATUS_SUCCESS);
    CHECK(ask(product<bf16, float>()).multiplied == CUBLAS_STATUS_SUCCESS);
    CHECK(ask(product<float, float>()).multiplied == CUBLAS_STATUS_SUCCESS);
    CHECK(ask(product<float, bf16>()).heuristic == CUBLAS_STATUS_NOT_SUPPORTED);
    CHECK(ask(product<double, double>()).heuristic == CUBLAS_STATUS_NOT_SUPPORTED);  // in float

    Product mixed = product<bf16, float>();
    mixed.lhs = matrix<const float>(1, 8, 16, 16);
    CHECK(ask(mixed).heuristic == CUBLAS_STATUS_NOT_SUPPORTED);
    mixed = product<bf16, float>();
    mixed.base = matrix<const bf16>(3, 8, 16, 16);  // C of another type than D
    CHECK(ask(mixed).heuristic == CUBLAS_STATUS_NOT_SUPPORTED);
    mixed = product<bf16, bf16>();
    mixed.compute = CUBLAS_COMPUTE_32F_FAST_TF32;
    CHECK(ask(mixed).heuristic == CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_CASE("an auxiliary matrix is bf16 with rows of a multiple of 8 elements", "[cuda][emulator]") {
    Product p = product<bf16, bf16>();
    p.activation = Activation::gelu;
    p.aux = matrix<bf16>(3, 8, 16, 16);
    CHECK(ask(p).multiplied == CUBLAS_STATUS_SUCCESS);
    p.aux = matrix<bf16>(3, 8, 16, 20);
    CHECK(ask(p).heuristic == CUBLAS_STATUS_INVALID_VALUE);
    p.aux = matrix<bf16>(3, 8, 16, 8);
    CHECK(ask(p).heuristic == CUBLAS_STATUS_INVALID_VALUE);
    p.aux = matrix<bf16>(3, 8, 16, 16);
    p.aux.data = memory[3] + 8;
    CHECK(ask(p).heuristic == CUBLAS_STATUS_NOT_SUPPORTED);

    p = product<bf16, float>();
    p.activation = Activation::gelu_backward;
    p.aux = matrix<float>(3, 8, 16, 16);
    CHECK(ask(p).heuristic == CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_CASE("addresses and strides are as aligned as the algorithm says", "[cuda][emulator]") {
    Product p = product<bf16, bf16>();
    p.lhs.data = memory[1] + 2;  // the heuristic was told 256 bytes
    CHECK(ask(p).multiplied == CUBLAS_STATUS_INVALID_VALUE);
    p = product<bf16, bf16>();
    p.bias = memory[3] + 4;
    CHECK(ask(p).heuristic == CUBLAS_STATUS_NOT_SUPPORTED);
    p = product<bf16, bf16>();
    p.out.stride = 15;
    CHECK(ask(p).heuristic == CUBLAS_STATUS_INVALID_VALUE);

    emulator::offer(emulator::Offer::aligned);
    p = product<bf16, bf16>();
    p.out.stride = 17;
    CHECK(ask(p).heuristic == CUBLAS_STATUS_NOT_SUPPORTED);
    emulator::offer(emulator::Offer::all);
    CHECK(ask(p).multiplied == CUBLAS_STATUS_SUCCESS);
}

TEST_CASE("an output overlaps nothing but a base that is the same matrix", "[cuda][emulator]") {
    Product p = product<bf16, float>();
    p.base = p.out;
    CHECK(ask(p).multiplied == CUBLAS_STATUS_SUCCESS);
    p.base.stride = 32;
    CHECK(ask(p).multiplied == CUBLAS_STATUS_INVALID_VALUE);
    p.base = matrix<float>(0, 8, 16, 16);
    p.base.data = memory[0] + 64;
    CHECK(ask(p).multiplied == CUBLAS_STATUS_INVALID_VALUE);
    p = product<bf16, bf16>();
    p.out.data = p.lhs.data;
    CHECK(ask(p).multiplied == CUBLAS_STATUS_INVALID_VALUE);
    // Columns of one wider matrix are apart.
    p.lhs = matrix<const bf16>(1, 8, 16, 32);
    p.out = matrix<bf16>(1, 8, 16, 32);
    p.out.data = memory[1] + 32;
    CHECK(ask(p).multiplied == CUBLAS_STATUS_SUCCESS);
}

TEST_CASE("an algorithm gets the workspace that it asked for", "[cuda][emulator]") {
    const Product p = product<bf16, bf16>();
    const Descriptors d(p);
    const LibraryHandle handle = library_handle();
    const cuda::detail::OwnedPreference preference("preference", cublasLtMatmulPreferenceCreate);
    const std::uint64_t allowed = 65536;
    CHECK(cublasLtMatmulPreferenceSetAttribute(preference.get(), CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &allowed,
                                               4) == CUBLAS_STATUS_INVALID_VALUE);
    REQUIRE(cublasLtMatmulPreferenceSetAttribute(preference.get(), CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &allowed,
                                                 8) == CUBLAS_STATUS_SUCCESS);
    cublasLtMatmulHeuristicResult_t result{};
    int count = 0;
    REQUIRE(cublasLtMatmulAlgoGetHeuristic(handle.get(), d.product(), d.a(), d.b(), d.c(), d.d(), preference.get(), 1,
                                           &result, &count) == CUBLAS_STATUS_SUCCESS);
    CHECK(result.workspaceSize == allowed);
    const float one = 1;
    CHECK(cublasLtMatmul(handle.get(), d.product(), &one, p.rhs.data, d.a(), p.lhs.data, d.b(), &one, p.out.data, d.c(),
                         p.written(), d.d(), &result.algo, memory[5], 4096, nullptr) == CUBLAS_STATUS_INVALID_VALUE);
}
