// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/product.hpp>

#include <vector>

#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;

namespace {

alignas(256) bf16 memory[64];

Product small_product() {
    Product product;
    product.what = "AffineProduct";
    product.out = MatrixView<float>(nullptr, 8, 16);
    product.lhs = MatrixView<const bf16>(memory, 8, 4);
    product.rhs = MatrixView<const bf16>(memory, 16, 4);
    product.rhs_as = Transpose::yes;
    return product;
}

}  // namespace

static_assert(data_type<double> == CUDA_R_64F && data_type<float> == CUDA_R_32F && data_type<bf16> == CUDA_R_16BF);

TEST_CASE("a product describes itself for errors", "[cuda][product]") {
    Product product = small_product();
    CHECK(describe(product) ==
          "AffineProduct: out [8, 16] float = lhs [8, 4] bf16 · rhs [16, 4]ᵀ bf16 in float, epilogue 1");
    product.base = MatrixView<float>(reinterpret_cast<float*>(memory), 8, 16);
    product.bias = memory;
    CHECK(describe(product) ==
          "AffineProduct: out [8, 16] float = lhs [8, 4] bf16 · rhs [16, 4]ᵀ bf16 in float + base, epilogue 4");
}

TEST_CASE("the epilogue follows from bias and activation", "[cuda][product]") {
    Product product = small_product();
    CHECK(epilogue_of(product) == CUBLASLT_EPILOGUE_DEFAULT);
    product.activation = Activation::gelu;
    CHECK(epilogue_of(product) == CUBLASLT_EPILOGUE_GELU_AUX);
    product.bias = memory;
    CHECK(epilogue_of(product) == CUBLASLT_EPILOGUE_GELU_AUX_BIAS);
    product.activation = Activation::none;
    CHECK(epilogue_of(product) == CUBLASLT_EPILOGUE_BIAS);
    product.bias = nullptr;
    product.activation = Activation::gelu_backward;
    CHECK(epilogue_of(product) == CUBLASLT_EPILOGUE_DGELU);
}

TEST_CASE("rows are aligned that start at multiples of 16 bytes", "[cuda][product]") {
    CHECK(aligned(MatrixView<const bf16>(memory, 3, 5, 8)));
    CHECK_FALSE(aligned(MatrixView<const bf16>(memory, 3, 5, 7)));
    CHECK_FALSE(aligned(MatrixView<const bf16>(memory + 1, 3, 5, 8)));
    // One row has no stride to speak of.
    CHECK(aligned(MatrixView<const bf16>(memory, 1, 5, 0)));
    CHECK_FALSE(aligned(MatrixView<const bf16>(memory + 4, 1, 5)));
    CHECK(alignment_of(memory) == 16);
    CHECK(alignment_of(memory + 4) == 8);
    CHECK(alignment_of(nullptr) == 16);
}

TEST_CASE("problems are equal unless something differs that an algorithm can depend on", "[cuda][product]") {
    const Problem problem = Problem::of(small_product());
    Product product = small_product();
    product.scale = 3;
    product.lhs.data = memory + 8;  // 16 bytes on
    CHECK(Problem::of(product) == problem);
    product.lhs.data = memory + 4;  // 8 bytes on
    CHECK(Problem::of(product) != problem);
    product.lhs.data = small_product().lhs.data;
    CHECK(Problem::of(product) == problem);

    const auto differs = [&](auto change) {
        Product changed = small_product();
        change(changed);
        return Problem::of(changed) != problem;
    };
    CHECK(differs([](Product& p) { p.compute = CUBLAS_COMPUTE_32F_FAST_TF32; }));
    CHECK(differs([](Product& p) { p.rhs_as = Transpose::no; }));
    CHECK(differs([](Product& p) { p.out.type = CUDA_R_16BF; }));
    CHECK(differs([](Product& p) { p.lhs.stride = 8; }));
    CHECK(differs([](Product& p) { p.bias = memory; }));
    CHECK(differs([](Product& p) { p.base = MatrixView<float>(reinterpret_cast<float*>(memory), 8, 16); }));
    CHECK(differs([](Product& p) {
        p.activation = Activation::gelu;
        p.aux = MatrixView<const bf16>(memory, 8, 16);
    }));
}
