// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/blas.hpp>

#include <string>
#include <vector>

#include <lamina/core/bfloat16.hpp>

#include "backend/cuda/device_matrix.hpp"
#include "backend/cuda/product_matrices.hpp"
#include "cuda_emulation/cublaslt.hpp"
#include "cuda_emulation/runtime.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
using lamina_tests::DeviceMatrix;
namespace emulator = lamina_tests::emulator;

namespace {

using Matrices = lamina_tests::ProductMatrices<16>;

}  // namespace

TEST_CASE("a product is queued with an algorithm of its problem", "[cuda][blas]") {
    Context context(0);
    Blas blas(context, FloatProducts::fp32, Choice::first);
    const Matrices matrices;
    emulator::forget_library_calls();
    REQUIRE(blas.multiply(matrices.product()));
    double expected = 0;
    for (std::size_t k = 0; k < 16; ++k) {
        expected += double(float(matrices.lhs.view()(3, k))) * double(float(matrices.rhs.view()(k, 5)));
    }
    CHECK(double(matrices.out.view()(3, 5)) == Approx(expected).margin(1e-6));
    REQUIRE(emulator::library_calls().size() == 1);
    CHECK(emulator::library_calls()[0].m == 24);
    CHECK(emulator::library_calls()[0].n == 8);
    CHECK(emulator::library_calls()[0].k == 16);
    CHECK(context.scratch_bytes() == library_workspace_bytes);
}

TEST_CASE("a product that the library has no algorithm for is not made", "[cuda][blas]") {
    Context context(0);
    Blas blas(context, FloatProducts::fp32, Choice::first);
    const Matrices matrices;
    Product product = matrices.product();
    const DeviceMatrix<float> lhs(8, 16);
    product.lhs = lhs.input();
    emulator::forget_library_calls();
    CHECK_FALSE(blas.multiply(product));  // float with bf16
    CHECK_FALSE(blas.multiply(product));
    CHECK(emulator::library_calls().empty());
}

TEST_CASE("a product that fails tells sizes, types, transposes and epilogue", "[cuda][blas]") {
    Context context(0);
    Blas blas(context, FloatProducts::fp32, Choice::first);
    const Matrices matrices;
    REQUIRE(blas.multiply(matrices.product()));
    emulator::fail_call(1);
    CHECK_THROWS_WITH(blas.multiply(matrices.product()),
                      Catch::Contains("lamina: CudaBackend: Matmul: out [8, 24] float = lhs [8, 16] bf16 · rhs "
                                      "[16, 24] bf16 in float, epilogue 1: CUBLAS_STATUS_EXECUTION_FAILED"));
    static_cast<void>(cudaGetLastError());
    CHECK(blas.multiply(matrices.product()));
}

TEST_CASE("shapes that do not fit are noted by their names, and no product is made of them", "[cuda][blas]") {
    Context context(0);
    Blas blas(context, FloatProducts::fp32, Choice::first);
    const Matrices matrices;
    Product product = matrices.product();
    product.rhs = MatrixView<const bf16>(matrices.rhs.data(), 15, 24);
    CHECK_FALSE(blas.multiply(product));
    const std::vector<std::string> notes = blas.take_notes();
    REQUIRE(notes.size() == 1);
    CHECK_THAT(notes[0], Catch::Contains("rhs [15, 24] bf16") && Catch::Contains("cuBLASLt holds it to be wrong"));
}

TEST_CASE("a product whose algorithm does not run is not made, nor tried again", "[cuda][blas]") {
    Context context(0);
    const Matrices matrices;
    for (const Choice choice : {Choice::first, Choice::timed}) {
        Blas blas(context, FloatProducts::fp32, choice);
        emulator::forget_library_calls();
        emulator::refuse_products(choice == Choice::first ? 1 : 4);  // as many as there are candidates to time
        CHECK_FALSE(blas.multiply(matrices.product()));
        CHECK_FALSE(blas.multiply(matrices.product()));
        CHECK(emulator::library_calls().empty());
    }
    Blas blas(context, FloatProducts::fp32, Choice::timed);
    emulator::refuse_products(3);
    CHECK(blas.multiply(matrices.product()));  // the fourth does
}

TEST_CASE("products are counted by the way they were made", "[cuda][blas]") {
    Context context(0);
    Blas blas(context, FloatProducts::fp32, Choice::first);
    CHECK(blas.counts() == WayCounts{});
    blas.count(Way::direct);
    blas.count(Way::packed);
    blas.count(Way::direct);
    CHECK(blas.counts() == WayCounts{.direct = 2, .finished = 0, .packed = 1});
}

TEST_CASE("how float products are made can change", "[cuda][blas]") {
    Context context(0);
    Blas blas(context, FloatProducts::fp32);
    CHECK(blas.float_products() == FloatProducts::fp32);
    blas.set_float_products(FloatProducts::bf16x3);
    CHECK(blas.float_products() == FloatProducts::bf16x3);
}
