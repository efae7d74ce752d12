// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/descriptors.hpp>

#include <type_traits>

#include <lamina/core/bfloat16.hpp>

#include "cuda_emulation/cublaslt.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
namespace emulator = lamina_tests::emulator;

static_assert(!std::is_copy_constructible_v<Descriptors> && std::is_nothrow_move_constructible_v<Descriptors>);

namespace {

alignas(256) bf16 lhs[64], rhs[64], out[64];

Product small_product() {
    Product product;
    product.out = MatrixView<bf16>(out, 4, 8);
    product.lhs = MatrixView<const bf16>(lhs, 4, 2, 8);
    product.rhs = MatrixView<const bf16>(rhs, 2, 8);
    return product;
}

/// What the library says to the product as described.
cublasStatus_t asked(const Product& product) {
    const LibraryHandle handle = library_handle();
    const Descriptors d(product);
    const cuda::detail::OwnedPreference preference("preference", cublasLtMatmulPreferenceCreate);
    cublasLtMatmulHeuristicResult_t result{};
    int count = 0;
    return cublasLtMatmulAlgoGetHeuristic(handle.get(), d.product(), d.a(), d.b(), d.c(), d.d(), preference.get(), 1,
                                          &result, &count);
}

}  // namespace

TEST_CASE("the library's version is told as people write it", "[cuda][descriptors]") {
    emulator::set_library_version(130209);
    CHECK(library_version() == "13.2.9");
    emulator::set_library_version(CUBLAS_VERSION);
}

TEST_CASE("row-major matrices fit the column-major library with operands exchanged", "[cuda][descriptors]") {
    Product product = small_product();
    CHECK(asked(product) == CUBLAS_STATUS_SUCCESS);
    product.lhs_as = Transpose::yes;  // [2, 4] now, which does not fit
    CHECK(asked(product) == CUBLAS_STATUS_INVALID_VALUE);
    product.lhs = MatrixView<const bf16>(lhs, 2, 4, 8);
    CHECK(asked(product) == CUBLAS_STATUS_SUCCESS);
    product.rhs_as = Transpose::yes;
    CHECK(asked(product) == CUBLAS_STATUS_INVALID_VALUE);
    product.rhs = MatrixView<const bf16>(rhs, 8, 2, 8);
    CHECK(asked(product) == CUBLAS_STATUS_SUCCESS);
}

TEST_CASE("a product in place has one descriptor for what it reads and writes", "[cuda][descriptors]") {
    Product product = small_product();
    const auto shares = [&] {
        const Descriptors d(product);
        return d.c() == d.d();
    };
    CHECK(shares());
    product.base = product.out;
    CHECK(shares());
    product.base.stride = 16;
    CHECK_FALSE(shares());
    product.base = MatrixView<const bf16>(rhs, 4, 8);
    CHECK_FALSE(shares());
}

TEST_CASE("an epilogue brings its addresses and strides", "[cuda][descriptors]") {
    Product product = small_product();
    product.activation = Activation::gelu;
    CHECK(asked(product) == CUBLAS_STATUS_INVALID_VALUE);  // without a place for what goes in
    product.aux = MatrixView<bf16>(rhs, 4, 8);
    CHECK(asked(product) == CUBLAS_STATUS_SUCCESS);
    product.bias = lhs;
    CHECK(asked(product) == CUBLAS_STATUS_SUCCESS);
    product.aux = MatrixView<bf16>(rhs, 4, 8, 12);
    CHECK(asked(product) == CUBLAS_STATUS_INVALID_VALUE);
}
