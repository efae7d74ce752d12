// SPDX-License-Identifier: MIT
// What conformance does not reach: a sequence cut anywhere is the same sequence, whichever path each piece takes.
#include <lamina/backend/cpu/cached_attention.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace lamina;
using namespace lamina_tests;

namespace {

constexpr std::size_t heads = 3;
constexpr std::size_t width = 10;  // of a head, no multiple of a vector
constexpr std::size_t embed = heads * width;
constexpr std::size_t length = 200;

}  // namespace

TEST_CASE("a sequence in pieces, each stored for the next, has the attention of the whole") {
    const Filled<double> qkv(length, 3 * embed, 1);
    cpu::Context context(2);
    Filled<double> whole(length, embed, 2);
    Filled<double> log_sum_exp(length, heads, 3);
    cpu::execute(context, Attention<double>{{1, length}, heads, qkv.input(), whole.view(), log_sum_exp.view()});

    for (const std::size_t piece : {1U, 4U, 5U, 63U, 65U, 130U}) {
        CAPTURE(piece);
        constexpr std::size_t offset = 7;  // of the sequence in the cache
        Filled<double> keys(length + offset, embed, 4);
        Filled<double> values(length + offset, embed, 5);
        Filled<double> out(length, embed, 6);
        for (std::size_t first = 0; first < length; first += piece) {
            const PackedSegment segment{.first = 0,
                                        .count = std::min(piece, length - first),
                                        .prefix_first = offset,
                                        .prefix_count = first,
                                        .store_first = offset + first};
            const auto rows = qkv.input().middle_rows(first, segment.count);
            cpu::execute(context, CachedAttention<double>{.segments = {&segment, 1},
                                                          .heads = heads,
                                                          .qkv = rows,
                                                          .keys = keys.input(),
                                                          .values = values.input(),
                                                          .out = out.view().middle_rows(first, segment.count)});
            cpu::execute(context,
                         StoreKeysValues<double>{
                             .segments = {&segment, 1}, .qkv = rows, .keys = keys.view(), .values = values.view()});
        }
        double worst = 0;
        for (std::size_t i = 0; i < out.values.size(); ++i) {
            worst = std::max(worst, std::abs(out.values[i] - whole.values[i]));
        }
        // Two sums of up to `length` terms below one, in different orders.
        CHECK(worst < 64 * 0x1p-52 * std::sqrt(static_cast<double>(length)));
    }
}
