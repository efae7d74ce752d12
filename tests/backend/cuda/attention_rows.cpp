// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/attention_rows.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <type_traits>
#include <vector>

#include <lamina/arch/architecture.hpp>

#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda::detail;

static_assert(std::is_trivially_copyable_v<WholeSequences<bf16>>, "kernels take it by value");

namespace {

template <class F>
void for_each_block(const cuda::LaunchShape& shape, const F& f) {
    for (unsigned z = 0; z < shape.blocks_z; ++z) {
        for (unsigned y = 0; y < shape.blocks_y; ++y) {
            for (unsigned x = 0; x < shape.blocks; ++x) f(cuda::BlockIndex{x, y, z});
        }
    }
}

}  // namespace

TEST_CASE("a head grid has one block for each chunk of each tile of each head", "[cuda][attention]") {
    struct Sizes {
        unsigned batch;
        unsigned heads;
        unsigned length;
        unsigned chunks;
    };
    for (const Sizes& sizes :
         std::vector<Sizes>{{1, 1, 1, 1}, {3, 5, 129, 2}, {7, 12, 64, 1}, {64, 1, 65, 3}, {13, 5, 200, 1}}) {
        CAPTURE(sizes.batch, sizes.heads, sizes.length, sizes.chunks);
        HeadGrid grid({sizes.batch, sizes.length}, sizes.heads, 64, Longest::last);
        grid.chunks = sizes.chunks;
        const unsigned tiles = cuda::pieces(sizes.length, 64);
        std::set<std::array<unsigned, 4>> found;
        std::size_t blocks = 0;
        std::size_t wrong = 0;
        for_each_block(grid.shape(128, 0), [&](const cuda::BlockIndex& block) {
            const HeadGrid::Place place = grid.place(block);
            if (!place.exists) return;
            ++blocks;
            const bool is_within = place.sequence < sizes.batch && place.head < sizes.heads && place.tile < tiles &&
                                   place.chunk < sizes.chunks;
            wrong += is_within && place.pair == place.sequence * sizes.heads + place.head ? 0U : 1U;
            found.insert({place.sequence, place.head, place.tile, place.chunk});
        });
        CHECK(wrong == 0);
        CHECK(blocks == sizes.batch * sizes.heads * tiles * sizes.chunks);
        CHECK(found.size() == blocks);
    }
}

TEST_CASE("within a group of heads the tiles with the most work come first", "[cuda][attention]") {
    for (const Longest longest : {Longest::first, Longest::last}) {
        const HeadGrid grid({10, 200}, 12, 64, longest);  // two groups, the second not full
        std::vector<std::vector<unsigned>> work(2);
        for_each_block(grid.shape(128, 0), [&](const cuda::BlockIndex& block) {
            const auto place = grid.place(block);
            if (place.exists) work[block.z].push_back(longest == Longest::last ? place.tile + 1 : 4 - place.tile);
        });
        for (const auto& group : work) CHECK(std::is_sorted(group.rbegin(), group.rend()));
        CHECK(work[0].size() == 64 * 4);
        CHECK(work[1].size() == 56 * 4);
    }
}

TEST_CASE("head grids of all GPT-2 sizes are within what a device launches", "[cuda][attention]") {
    for (const std::size_t heads : {gpt2_small.heads, gpt2_medium.heads, gpt2_large.heads, gpt2_xl.heads}) {
        for (std::size_t batch = 1; batch <= 64; ++batch) {
            for (std::size_t length = 1; length <= 1024; ++length) {
                const HeadGrid grid({batch, length}, heads, 32, Longest::last);  // the smallest tiles there are
                const auto shape = grid.shape(256, 0);
                const bool fits = shape.blocks >= 1 && shape.blocks_y <= 65535 && shape.blocks_z <= 65535 &&
                                  std::size_t{shape.blocks} * shape.blocks_z >= batch * heads;
                if (!fits) FAIL(batch << " " << heads << " " << length);
            }
        }
    }
    SUCCEED("none is beyond");
}

TEST_CASE("whole sequences give each block the rows of its head", "[cuda][attention]") {
    constexpr std::size_t width = 4;
    std::vector<float> qkv(6 * 30), out(6 * 9), log_sum_exp(6 * 3);
    // Two sequences of three tokens, two heads of four, within wider matrices.
    const Attention<float> request{.extent = {2, 3},
                                   .heads = 2,
                                   .qkv = {qkv.data(), 6, 6 * width, 30},
                                   .out = {out.data(), 6, 2 * width, 9},
                                   .log_sum_exp = {log_sum_exp.data(), 6, 2, 3}};
    const WholeSequences<float> source(request, 2);
    CHECK(source.head_width() == width);
    const auto rows = source.rows({3, 0, 0});  // the second head of the second sequence, the later tile
    CHECK(rows.first == 2);
    CHECK(rows.count == 3);
    CHECK(rows.queries[1] == request.qkv.row(4) + width);
    CHECK(rows.key(1) == request.qkv.row(4) + 3 * width);
    CHECK(rows.value(2) == request.qkv.row(5) + 5 * width);
    CHECK(rows.out[0] == request.out.row(3) + width);
    CHECK(rows.log_sum_exp == request.log_sum_exp.row(3) + 1);
    CHECK(rows.seen(2) == 3);
    CHECK(source.rows({0, 1, 0}).seen(2) == 2);
    CHECK(source.rows({4, 0, 0}).count == 0);  // no such head
}

TEST_CASE("cached keys come before the queries' own", "[cuda][attention]") {
    const std::vector<float> cache(40), qkv(40);
    AttentionRows<float, Prefix::cached> rows;
    rows.cached_keys = HeadRows<const float>(MatrixView<const float>(cache.data(), 5, 8), 1, 2);
    rows.keys = HeadRows<const float>(MatrixView<const float>(qkv.data(), 5, 8), 0, 4);
    rows.prefix = 3;
    rows.count = 5;
    rows.first = 4;
    CHECK(rows.key(2) == cache.data() + 3 * 8 + 2);
    CHECK(rows.key(3) == qkv.data() + 4);
    CHECK(rows.key(4) == qkv.data() + 8 + 4);
    CHECK(rows.seen(64) == 8);
    rows.first = 0;
    CHECK(rows.seen(4) == 7);
}

TEST_CASE("the backward's rows are those of the head that a block has", "[cuda][attention]") {
    const std::vector<float> qkv(6 * 30), out(6 * 9);
    std::vector<float> d_qkv(6 * 26);
    const AttentionBackward<float> request{.extent = {2, 3},
                                           .heads = 2,
                                           .qkv = {qkv.data(), 6, 24, 30},
                                           .out = {out.data(), 6, 8, 9},
                                           .log_sum_exp = {},
                                           .d_out = {out.data(), 6, 8, 9},
                                           .d_qkv = {d_qkv.data(), 6, 24, 26}};
    const HeadGrid grid(request.extent, 2, 64, Longest::first);
    const BackwardRows<float> rows(request, grid.place({3, 0, 0}));
    CHECK(rows.count == 3);
    CHECK(rows.width == 4);
    CHECK(rows.keys[1] == request.qkv.row(4) + 8 + 4);
    CHECK(rows.values[0] == request.qkv.row(3) + 16 + 4);
    CHECK(rows.d_out[2] == request.d_out.row(5) + 4);
    CHECK(rows.d_queries[0] == request.d_qkv.row(3) + 4);
    CHECK(rows.d_values[2] == request.d_qkv.row(5) + 16 + 4);
}
