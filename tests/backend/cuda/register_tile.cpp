// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/register_tile.hpp>

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

template <class Compute>
struct Operands {
    const Compute* lhs;  // [lhs_rows, width]
    const Compute* rhs;  // [rhs_rows, width]
    unsigned lhs_rows;
    unsigned rhs_rows;
    unsigned width;
};

/// products = lhs · rhsᵀ, and again = products · rhs, its first `side` columns, all [side, side].
template <class Compute>
void products_kernel(Operands<Compute> in, Compute* products, Compute* again, Compute* largest) {
    using Tile = RegisterTile<Compute>;
    auto* const lhs = reinterpret_cast<Compute*>(dynamic_shared());
    Compute* const rhs = lhs + Tile::elements;
    Compute* const weights = rhs + Tile::elements;
    Compute held[4][4];
    multiply_rows(held, lhs, rhs,
                  RowProducts{[&](unsigned r) { return in.lhs + r * in.width; },
                              [&](unsigned r) { return in.rhs + r * in.width; }, in.lhs_rows, in.rhs_rows, in.width});
    Tile::store_transposed(weights, held);
    Tile::load(rhs, in.rhs_rows, smaller(in.width, Tile::side), [&](unsigned r) { return in.rhs + r * in.width; });
    sync_threads();
    Compute sums[4][4] = {};
    Tile::multiply_add(sums, weights, rhs, in.rhs_rows);
    for (unsigned i = 0; i < 4; ++i) {
        const unsigned row = Tile::first_row() + i;
        Compute top = held[i][0];
        for (unsigned j = 0; j < 4; ++j) {
            products[row * Tile::side + Tile::first_col() + j] = held[i][j];
            again[row * Tile::side + Tile::first_col() + j] = sums[i][j];
            top = held[i][j] > top ? held[i][j] : top;
        }
        largest[row] = Tile::largest_of_row(top);
    }
}

}  // namespace

TEMPLATE_TEST_CASE("register tiles multiply as loops do, in every order of the threads", "[cuda][attention]", float,
                   double) {
    using Tile = RegisterTile<TestType>;
    constexpr unsigned side = Tile::side;
    for (const unsigned width : {1U, 5U, side, side + 3}) {
        for (const unsigned rows : {1U, 7U, side}) {
            const unsigned others = side + 1 - rows;
            CAPTURE(width, rows);
            Random random{width + rows};
            std::vector<TestType> lhs(rows * width), rhs(others * width);
            // Small whole numbers, so that every sum is exact.
            for (auto& x : lhs) x = static_cast<TestType>(std::floor(random.uniform(-3, 4)));
            for (auto& x : rhs) x = static_cast<TestType>(std::floor(random.uniform(-3, 4)));
            std::vector<TestType> products(side * side), again(side * side), largest(side);
            for (const auto order : {emulator::Order::forward, emulator::Order::backward, emulator::Order::shuffled}) {
                emulator::set_order(order);
                launch(nullptr, "products",
                       {.blocks = 1, .threads = Tile::threads, .shared_bytes = 3 * Tile::elements * sizeof(TestType)},
                       products_kernel<TestType>, Operands<TestType>{lhs.data(), rhs.data(), rows, others, width},
                       products.data(), again.data(), largest.data());
                std::size_t wrong = 0;
                for (unsigned r = 0; r < rows; ++r) {
                    std::vector<TestType> expected(side);  // zeros where there are no rows
                    std::vector<TestType> expected_again(side);
                    for (unsigned c = 0; c < others; ++c) {
                        for (unsigned d = 0; d < width; ++d) expected[c] += lhs[r * width + d] * rhs[c * width + d];
                        for (unsigned d = 0; d < smaller(width, side); ++d)
                            expected_again[d] += expected[c] * rhs[c * width + d];
                    }
                    for (unsigned c = 0; c < side; ++c) {
                        wrong += products[r * side + c] != expected[c] || again[r * side + c] != expected_again[c];
                    }
                    wrong += largest[r] != *std::max_element(expected.begin(), expected.end());
                }
                CHECK(wrong == 0);
            }
        }
    }
    emulator::set_order(emulator::Order::forward);
}

TEST_CASE("eight threads that write four floats each to neighbouring rows of a tile meet in no bank",
          "[cuda][attention]") {
    // A quarter of a warp moves 16 bytes each at a time, over 32 banks of four bytes.
    std::vector<int> uses(32);
    for (unsigned d = 0; d < 8; ++d) {
        for (unsigned word = 0; word < 4; ++word) ++uses[(d * RegisterTile<float>::stride + word) % 32];
    }
    CHECK(*std::max_element(uses.begin(), uses.end()) == 1);
}
