// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/flash_tile.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <lamina/backend/cuda/launch.hpp>
#include <lamina/core/random.hpp>

#include "cuda_emulation/emulator.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
using namespace lamina::cuda::detail;
namespace emulator = lamina_tests::emulator;

namespace {

/// The banks, of 32 with four bytes each, that 16 bytes from an element of bf16 on are in.
void count_banks(std::vector<int>& uses, unsigned element) {
    for (unsigned word = 0; word < 4; ++word) ++uses[(element / 2 + word) % 32];
}

struct TileRows {
    const bf16* data;
    unsigned existing;
};

/// by_rows = lhs · rhsᵀ and by_columns = by_rows · rhs, [16, 64] and [existing, 64], by one warp; what `to` gets of the
/// latter is below its row `count`.
void products_kernel(const bf16* lhs, TileRows rhs, float* by_rows, HeadRows<bf16> to, unsigned count) {
    auto* const tile = reinterpret_cast<bf16*>(dynamic_shared());
    bf16* const own = tile + FlashTile::elements;
    FlashTile::load_async<warp_size>(tile, rhs.existing, [&](unsigned r) { return rhs.data + r * flash_width; });
    FlashTile::load_async<warp_size, 16>(own, 16, [&](unsigned r) { return lhs + r * flash_width; });
    commit_copies();
    wait_copies<0>();
    sync_threads();
    FlashRows a[1];
    load_rows(a[0], {own});
    FlashSums<flash_width> again[1] = {};
    // In strips of 32 rows, which come where `by_rows` has columns.
    for (unsigned strip = 0; strip < 2; ++strip) {
        const SharedRows rows = SharedRows{tile}.from(32 * strip);
        FlashSums<32> sums[1] = {};
        multiply_by_rows(sums, a, rows);
        for_each_sum(sums, [&](float sum, unsigned, unsigned n, unsigned i) {
            by_rows[row_of_sum(i) * 64 + 32 * strip + column_of_sum(n, i)] = sum;
        });
        multiply_by_columns(again, sums, rows);
    }
    write_rows(to, 0, count, own, again[0], 1, 0.5F);
}

}  // namespace

TEST_CASE("the places of a tile's chunks are a permutation without bank conflicts", "[cuda][attention]") {
    std::vector<unsigned> places;
    for (unsigned row = 0; row < FlashTile::rows; ++row) {
        for (unsigned chunk = 0; chunk < FlashTile::chunks; ++chunk) places.push_back(FlashTile::place(row, chunk));
        // A copy: eight threads write the chunks of a row.
        std::vector<int> uses(32);
        for (unsigned chunk = 0; chunk < 8; ++chunk) count_banks(uses, FlashTile::place(row, chunk));
        CHECK(*std::max_element(uses.begin(), uses.end()) == 1);
    }
    for (unsigned first = 0; first < FlashTile::rows; first += 8) {
        for (unsigned chunk = 0; chunk < 8; ++chunk) {
            // A matrix load: eight rows of a chunk.
            std::vector<int> uses(32);
            for (unsigned row = first; row < first + 8; ++row) count_banks(uses, FlashTile::place(row, chunk));
            CHECK(*std::max_element(uses.begin(), uses.end()) == 1);
        }
    }
    std::sort(places.begin(), places.end());
    for (unsigned i = 0; i < places.size(); ++i) CHECK(places[i] == i * FlashTile::chunk);
}

TEST_CASE("a warp's products with a tile are those of loops, in every order of its threads", "[cuda][attention]") {
    constexpr unsigned existing = 41;
    constexpr unsigned written = 13;
    Random random{8};
    alignas(16) static bf16 lhs[16 * 64], rhs[existing * 64], out[16 * 72];
    // Small whole numbers: every sum is exact in float, and the sums that go into the second product in bf16 too.
    for (auto& x : lhs) x = bf16(random.uniform() < 0.1 ? 1.0F : 0.0F);
    for (auto& x : rhs) x = bf16(static_cast<float>(std::floor(random.uniform(-3, 4))));
    for (const auto order : {emulator::Order::forward, emulator::Order::backward, emulator::Order::shuffled}) {
        emulator::set_order(order);
        std::vector<float> by_rows(16 * 64);
        std::fill(std::begin(out), std::end(out), bf16(7.0F));
        HeadRows<bf16> to;
        to.first = out;
        to.stride = 72;
        launch(nullptr, "products", {.blocks = 1, .threads = 32, .shared_bytes = FlashTile::bytes + 16 * 64 * 2},
               products_kernel, static_cast<const bf16*>(lhs), TileRows{rhs, existing}, by_rows.data(), to, written);
        std::size_t wrong = 0;
        for (unsigned r = 0; r < 16; ++r) {
            std::vector<float> expected(64), again(64);
            for (unsigned c = 0; c < existing; ++c) {
                for (unsigned d = 0; d < 64; ++d) expected[c] += float(lhs[r * 64 + d]) * float(rhs[c * 64 + d]);
                for (unsigned d = 0; d < 64; ++d) again[d] += expected[c] * float(rhs[c * 64 + d]);
            }
            for (unsigned c = 0; c < 64; ++c) {
                wrong += by_rows[r * 64 + c] != expected[c];
                const float factor = r < 8 ? 1 : 0.5F;
                wrong += float(out[r * 72 + c]) != (r < written ? float(bf16(again[c] * factor)) : 7);
            }
            for (unsigned c = 64; c < 72; ++c) wrong += float(out[r * 72 + c]) != 7;
        }
        CHECK(wrong == 0);
    }
    emulator::set_order(emulator::Order::forward);
}
