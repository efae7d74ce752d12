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
    cuda::execute(backend.context(), Map(out, NoteCaller{&callers}, in...));
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
        CHECK(map_width(out, repeated(row_view<const float>(b, width), 2),
                        repeated(row_view<const bf16>(c, width), 2)) == 8);
        CHECK(map_width(out, MatrixView<const float>(b, 2, width, 2 * width)) == 4);
        CHECK(map_width(out, MatrixView<const float>(b + 1, 2, width)) == 1);
        CHECK(map_width(out, MatrixView<const float>(b, 2, width, width + 1)) == 1);
    }
    // As one long row 2 × 6 has whole packs, as rows it has none.
    CHECK(map_width(MatrixView<float>(a, 2, 6), MatrixView<const float>(b, 2, 6)) == 4);
    CHECK(map_width(MatrixView<float>(a, 2, 6), repeated(row_view<const float>(b, 6), 2)) == 1);
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
        cuda::execute(backend.context(), Map(row.view(), Plus{}, in.input(), in.input()));
        cuda::execute(backend.context(), Fill(row.view(), 0.5));
        cuda::execute(backend.context(), Map(row.view(), Plus{}, in.input(), row.input()));
        cuda::execute(backend.context(), Map(column.view(), Plus{}, tall, repeated(one_half.input(), count)));
        Grid flat = column.read();
        flat.rows = 1;
        flat.cols = count;
        return Grids{row.read(), flat};
    });
}

TEST_CASE("nothing is launched for matrices without elements", "[cuda][map]") {
    EmulatedKernels backend(emulator::Order::forward);
    const std::size_t before = emulator::kernels_run();
    const MatrixView<float> no_columns(nullptr, 5, 0);
    cuda::execute(backend.context(), Fill(MatrixView<float>(nullptr, 0, 5), 1.0));
    cuda::execute(backend.context(), Map(no_columns, Plus{}, no_columns, repeated(no_columns.first_rows(1), 5)));
    cuda::execute(backend.context(), GatherRows(MatrixView<float>(nullptr, 0, 7), MatrixView<float>(nullptr, 3, 7),
                                                Rows<const std::size_t, 1>()));
    CHECK(emulator::kernels_run() == before);
}

TEST_CASE("gathering and scattering refuse rows that are not there, and convert", "[cuda][map]") {
    EmulatedKernels backend(emulator::Order::forward);
    alignas(16) float table[3 * 8];
    for (int i = 0; i < 24; ++i) table[i] = static_cast<float>(i);
    alignas(16) bf16 picked[2 * 8];
    const MatrixView<float> all(table, 3, 8);
    const MatrixView<bf16> some(picked, 2, 8);
    const std::size_t rows[2] = {2, 0};
    cuda::execute(backend.context(), GatherRows(some, all, Rows<const std::size_t, 1>(rows, 2)));
    CHECK(float(picked[0]) == 16);
    CHECK(float(picked[15]) == 7);
    const std::size_t wrong[2] = {0, 3};
    const Rows<const std::size_t, 1> not_there(wrong, 2);
    CHECK_THROWS_WITH(cuda::execute(backend.context(), GatherRows(some, all, not_there)),
                      "lamina: GatherRows: a row that the input does not have");
    CHECK_THROWS_WITH(cuda::execute(backend.context(), ScatterRows(all, some, not_there)),
                      "lamina: ScatterRows: a row that the output does not have");
}
