// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/pack.hpp>

#include <cstddef>
#include <limits>

#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;

static_assert(pack_width<float> == 4 && pack_width<bf16> == 8 && pack_width<double> == 2);
static_assert(pack_width<float, bf16, float> == 8, "a whole access of the narrowest");
static_assert(pack_width<double, float> == 4);
static_assert(sizeof(Pack<bf16, 8>) == 16 && alignof(Pack<bf16, 8>) == 16);
static_assert(alignof(Pack<bf16, 4>) == 8 && alignof(Pack<float, 1>) == 4);
static_assert(sizeof(Pack<float, 8>) == 32 && alignof(Pack<float, 8>) == 16, "two accesses need no more alignment");
static_assert(converted<bf16>(1.00390625).bits == bf16(1.0F).bits, "rounds to even, as float does on the way");
static_assert(converted<double>(bf16(0.5F)) == 0.5);

TEST_CASE("a view is packed if all of its rows are", "[cuda][pack]") {
    alignas(64) static float data[64] = {};
    CHECK(is_packed<4>(MatrixView<float>(data, 3, 8)));
    CHECK(is_packed<4>(MatrixView<float>(data + 4, 3, 4, 12)));
    CHECK(is_packed<4>(repeated(row_view(data, 8), 3)));
    CHECK(is_packed<4>(MatrixView<float>{}));
    CHECK_FALSE(is_packed<4>(MatrixView<float>(data, 3, 7, 8)));
    CHECK_FALSE(is_packed<4>(MatrixView<float>(data, 3, 8, 9)));
    CHECK_FALSE(is_packed<4>(MatrixView<float>(data + 1, 3, 8)));
    CHECK_FALSE(is_packed<8>(MatrixView<float>(data, 3, 12)));
    CHECK(is_packed<8>(MatrixView<float>(data + 4, 3, 8)));
    CHECK(is_packed<1>(MatrixView<float>(data + 1, 3, 7, 9)));
}

TEST_CASE("what store_pack writes load_pack reads", "[cuda][pack]") {
    alignas(16) static float data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    store_pack(data, load_pack<4>(data + 4));
    CHECK(data[0] == 5);
    CHECK(data[3] == 8);
    CHECK(data[4] == 5);
}

TEST_CASE("a pack is converted as its elements are, and by pairs in their order", "[cuda][pack]") {
    const Pack<float, 4> from{1.00390625F, -2.7F, 1e30F, 0.1F};
    const auto halves = converted_pack<bf16>(from);
    const auto same = converted_pack<float>(from);
    const auto odd = converted_pack<bf16>(Pack<float, 1>{-2.7F});
    for (std::size_t k = 0; k < 4; ++k) {
        CHECK(halves.values[k].bits == converted<bf16>(from.values[k]).bits);
        CHECK(same.values[k] == from.values[k]);
    }
    CHECK(odd.values[0].bits == halves.values[1].bits);
}
