// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/elementwise.hpp>

#include <cstddef>
#include <vector>

#include "backend/conformance/grid.hpp"
#include "backend/cuda/kernels_under_test.hpp"
#include "support/catch.hpp"

using namespace lamina_tests;
using namespace lamina_tests::conformance;

namespace {

/// Elements that a thread of map works on at once.
template <class Out, class... In>
std::size_t map_width(MatrixView<Out> out, MatrixView<In>... in) {
    EmulatedKernels backend(emulator::Order::forward);
    std::vector<unsigned> callers;
    cuda::map(backend.context(), out, NoteCaller{&callers}, in...);
    CHECK(callers.size() == out.size());
    return elements_at_once(callers);
}

struct Plus {
    LAMINA_HOST_DEVICE float operator()(float a, float b) const { return a + b; }
};

}  // namespace

TEST_CASE("map works on 16 bytes of the narrowest type at once where all operands allow it", "[cuda][map]") {
    alignas(64) static float a[4 * 1600];
    alignas(64) static float b[4 * 1600];
    alignas(64) static bf16 c[4 * 1600];
    for (const std::size_t width : gpt2_widths) {
        CAPTURE(width);
        const MatrixView<float> out(a, 2, width);
        CHECK(map_width(out, MatrixView<const float>(b, 2, width)) == 4);
        CHECK(map_width(MatrixView<bf16>(c, 2, width)) == 8);
        CHECK(map_width(out, MatrixView<const bf16>(c, 2, width)) == 8);
        CHECK(map_width(out, repeated_row<const float>(b, 2, width), repeated_row<const bf16>(c, 2, width)) == 8);
        CHECK(map_width(out, MatrixView<const float>(b, 2, width, 2 * width)) == 4);
        CHECK(map_width(out, MatrixView<const float>(b + 1, 2, width)) == 1);
        CHECK(map_width(out, MatrixView<const float>(b, 2, width, width + 1)) == 1);
    }
    // As one long row 2 × 6 has whole packs, as rows it has none.
    CHECK(map_width(MatrixView<float>(a, 2, 6), MatrixView<const float>(b, 2, 6)) == 4);
    CHECK(map_width(MatrixView<float>(a, 2, 6), repeated_row<const float>(b, 2, 6)) == 1);
}

TEST_CASE("what a grid does not cover is done by its loop", "[cuda][map]") {
    const std::size_t count = 140001;  // the emulated device's grids have 4 · 32 · 256 threads
    const Grid x = random_grid<float>(1, count, 81);
    Grid sum = x;
    for (double& value : sum.values) value = static_cast<double>(static_cast<float>(value) + 0.5F);
    verify<EmulatedKernels>(Threads::irrelevant, {Expected(sum), Expected(sum)}, [&](EmulatedKernels& backend) {
        OnBackend<float, EmulatedKernels> in(backend, x);
        OnBackend<float, EmulatedKernels> one_half(backend, Grid(1, 1, 0.5));
        OnBackend<float, EmulatedKernels> row(backend, unset(1, count));
        OnBackend<float, EmulatedKernels> column(backend, unset(count, 1));
        const MatrixView<const float> tall(in.data(), count, 1);
        cuda::map(backend.context(), row.view(), Plus{}, in.input(), MatrixView<const float>(in.input()));
        cuda::fill(backend.context(), row.view(), 0.5);
        cuda::map(backend.context(), row.view(), Plus{}, in.input(), MatrixView<const float>(row.view()));
        cuda::map(backend.context(), column.view(), Plus{}, tall, one_half.repeated(count));
        Grid flat = column.read();
        flat.rows = 1;
        flat.cols = count;
        return Grids{row.read(), flat};
    });
}

TEST_CASE("nothing is launched for matrices without elements", "[cuda][map]") {
    EmulatedKernels backend(emulator::Order::forward);
    const std::size_t before = emulator::kernels_run();
    cuda::fill(backend.context(), MatrixView<float>(nullptr, 0, 5), 1.0);
    cuda::map(backend.context(), MatrixView<float>(nullptr, 5, 0), Plus{}, MatrixView<const float>(nullptr, 5, 0),
              repeated_row<const float>(nullptr, 5, 0));
    cuda::gather_rows(backend.context(), MatrixView<float>(nullptr, 0, 7), MatrixView<const float>(nullptr, 3, 7),
                      nullptr);
    CHECK(emulator::kernels_run() == before);
}

TEST_CASE("gather_rows and scatter_rows refuse rows that are not there, and convert", "[cuda][map]") {
    EmulatedKernels backend(emulator::Order::forward);
    alignas(16) float table[3 * 8];
    for (int i = 0; i < 24; ++i) table[i] = static_cast<float>(i);
    alignas(16) bf16 picked[2 * 8];
    const std::size_t rows[2] = {2, 0};
    cuda::gather_rows(backend.context(), MatrixView<bf16>(picked, 2, 8), MatrixView<const float>(table, 3, 8), rows);
    CHECK(float(picked[0]) == 16);
    CHECK(float(picked[15]) == 7);
    const std::size_t wrong[2] = {0, 3};
    CHECK_THROWS_AS(cuda::gather_rows(backend.context(), MatrixView<bf16>(picked, 2, 8),
                                      MatrixView<const float>(table, 3, 8), wrong),
                    ContractViolation);
    CHECK_THROWS_AS(cuda::scatter_rows(backend.context(), MatrixView<float>(table, 3, 8),
                                       MatrixView<const bf16>(picked, 2, 8), wrong),
                    ContractViolation);
}
