// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/warp_row.hpp>

#include <cstddef>
#include <numeric>
#include <vector>

#include <lamina/backend/cuda/launch.hpp>

#include "backend/cuda/kernels_under_test.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
using lamina_tests::gpt2_widths;

namespace {

struct Shape {
    unsigned width;
    unsigned packs;
    friend bool operator==(const Shape&, const Shape&) = default;
};

Shape shape_of(std::size_t cols, bool packed) {
    Shape shape{};
    with_row_shape(cols, packed, [&](auto chosen) { shape = {decltype(chosen)::width, decltype(chosen)::packs}; });
    return shape;
}

/// sums = Σ (x + offset), in every lane; out = 2 x + offset. `out` may be x.
template <class RowShape>
void sum_and_double(const float* x, const float* offset, std::size_t count, float* sums, float* out) {
    const WarpRow<RowShape, float> row(count);
    const KeptRow<RowShape, float> kept(x, count);
    const RowInMemory<RowShape, float> other{offset};
    sums[lane_index()] = row.sum([](float a, float b) { return a + b; }, kept, other);
    row.write(
        out, [](float a, float b) { return 2 * a + b; }, kept, other);
}

}  // namespace

TEST_CASE("rows of all GPT-2 sizes are kept, where they are packed", "[cuda][warp_row]") {
    for (const std::size_t width : gpt2_widths) {
        CAPTURE(width);
        const Shape shape = shape_of(width, true);
        CHECK(shape.width == row_pack_width);
        CHECK(shape.packs * shape.width * warp_size >= width);
        CHECK(shape_of(width, false) == Shape{1, 0});
    }
    CHECK(shape_of(1024, true) == Shape{4, 8});
    CHECK(shape_of(1028, true) == Shape{4, 13});
    CHECK(shape_of(1664, true) == Shape{4, 13});
    CHECK(shape_of(1668, true) == Shape{4, 0});
    CHECK(shape_of(0, true) == Shape{4, 8});
}

TEST_CASE("the lanes' columns are all columns, neighbours in neighbouring lanes", "[cuda][warp_row]") {
    using Chosen = RowShape<4, 8>;
    static_assert(cuda::detail::lane_column<Chosen>(0, 1) == 4 && cuda::detail::lane_column<Chosen>(1, 0) == 128);
    static_assert(cuda::detail::lane_column<Chosen>(7, 31) + 4 == Chosen::longest);
}

TEST_CASE("a warp sums and writes a row of any length, in place too, and an absent row is zero", "[cuda][warp_row]") {
    for (const bool packed : {true, false}) {
        for (const std::size_t count : {0U, 4U, 128U, 132U, 768U, 1600U, 1664U, 2000U}) {
            for (const bool with_offset : {true, false}) {
                CAPTURE(packed, count, with_offset);
                std::vector<float> x(count + 4), offset(count + 4);  // integers, whose sums are exact
                std::iota(x.begin(), x.end(), -100.0F);
                std::iota(offset.begin(), offset.end(), 3.0F);
                float sum = 0;
                std::vector<float> out = x;
                for (std::size_t c = 0; c < count; ++c) {
                    sum += x[c] + (with_offset ? offset[c] : 0);
                    out[c] = 2 * x[c] + (with_offset ? offset[c] : 0);
                }
                std::vector<float> sums(warp_size);
                with_row_shape(count, packed, [&](auto shape) {
                    launch(nullptr, "row", {.blocks = 1, .threads = warp_size}, sum_and_double<decltype(shape)>,
                           x.data(), with_offset ? offset.data() : nullptr, count, sums.data(), x.data());
                });
                CHECK(sums == std::vector<float>(warp_size, sum));
                CHECK(x == out);
            }
        }
    }
}
