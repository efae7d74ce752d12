// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/reduction.hpp>

#include <cstddef>
#include <vector>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/tolerance.hpp"
#include "backend/cuda/kernels_under_test.hpp"
#include "support/catch.hpp"

using namespace lamina_tests;
using namespace lamina_tests::conformance;
using cuda::RowPieces;

static_assert(RowPieces::of(0).count == 0 && RowPieces::of(1).count == 1 && RowPieces::of(33).count == 2);
static_assert(RowPieces::of(16384).count == 256 && RowPieces::of(16384).rows_each == 64);
static_assert(RowPieces::of(16385).count * RowPieces::of(16385).rows_each >= 16385);
static_assert(RowPieces::of(std::size_t{1} << 33U).count <= RowPieces::most, "pieces are blocks along the grid's y");

namespace {

struct Identity {
    LAMINA_HOST_DEVICE float operator()(float x) const { return x; }
    LAMINA_HOST_DEVICE double operator()(double x) const { return x; }
};

}  // namespace

TEST_CASE("sums over thousands of rows keep their precision, in every order of the threads", "[cuda][sum_rows]") {
    for (const Size size : {Size{0, 3}, Size{32, 300}, Size{33, 1}, Size{20000, 5}}) {
        CAPTURE(size.rows, size.cols);
        const Grid x = random_grid<float>(size.rows, size.cols, 91, {1, 2});
        Expected sums(1, size.cols);
        for (std::size_t c = 0; c < size.cols; ++c) {
            Sum sum;
            for (std::size_t r = 0; r < size.rows; ++r) sum.add(x(r, c));
            // A piece's rows one after another, then the pieces: many fewer roundings on the way than rows.
            sum.length = RowPieces::of(size.rows).rows_each + RowPieces::of(size.rows).count;
            expect_sum<float>(sums, 0, c, sum);
        }
        verify<EmulatedKernels>(Threads::irrelevant, {sums}, [&](EmulatedKernels& backend) {
            OnBackend<float, EmulatedKernels> in(backend, x);
            OnBackend<float, EmulatedKernels> out(backend, unset(1, size.cols));
            cuda::execute(backend.context(), SumRows(out.view(), Write::overwrite, Identity{}, in.input()));
            return Grids{out.read()};
        });
    }
}

TEST_CASE("sum_of_squares is the same bits in every order, aligned or not", "[cuda][sum_of_squares]") {
    for (const Layout layout : {Layout::dense, Layout::slice}) {
        for (const Size size : {Size{3, 0}, Size{1, 5}, Size{7, 1600}, Size{40, 4100}}) {
            CAPTURE(int(layout), size.rows, size.cols);
            const Grid x = random_grid<float>(size.rows, size.cols, 92);
            Sum sum;
            for (const double value : x.values) sum.add(value * value);
            Expected expected(1, 1);
            expect_sum<double>(expected, 0, 0, sum);
            verify<EmulatedKernels>(Threads::irrelevant, {expected}, [&](EmulatedKernels& backend) {
                OnBackend<float, EmulatedKernels> in(backend, x, layout);
                return Grids{Grid(1, 1, cuda::execute(backend.context(), SumOfSquares(in.input())))};
            });
        }
    }
}

TEST_CASE("means_over_tokens leave means on the device, in double", "[cuda][means_over_tokens]") {
    for (const Extent extent : {Extent{0, 5}, Extent{3, 0}, Extent{1, 1}, Extent{5, 1}, Extent{3, 1024}}) {
        const Grid values = random_grid<float>(1, extent.tokens(), 93, {1, 2});
        for (const Positions positions : {Positions::all, Positions::after_first, Positions::first}) {
            CAPTURE(extent.batch, extent.sequence, int(positions));
            const Expected mean = expected_mean<double>(values, extent, positions);
            verify<EmulatedKernels>(Threads::irrelevant, {mean}, [&](EmulatedKernels& backend) {
                OnBackend<float, EmulatedKernels> in(backend, values);
                OnBackend<double, EmulatedKernels> out(backend, unset(1, 1));
                MeansOverTokens<float> request{.extent = extent};
                request.add({in.column(), positions, out.column()});
                cuda::execute(backend.context(), request);
                return Grids{out.read()};
            });
        }
    }
}
