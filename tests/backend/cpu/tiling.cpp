// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/tiling.hpp>

#include <cstddef>
#include <vector>

#include "support/catch.hpp"

using lamina::cpu::Tile;
using lamina::cpu::Tiling;

TEST_CASE("tiles cover a matrix without overlap") {
    for (const std::size_t rows : {1U, 5U, 33U, 1025U}) {
        for (const std::size_t cols : {1U, 17U, 700U, 2304U}) {
            for (const std::size_t threads : {1U, 2U, 3U, 64U}) {
                CAPTURE(rows, cols, threads);
                const Tiling tiling(rows, cols, 768, threads);
                std::vector<unsigned char> covered(rows * cols);
                for (std::size_t i = 0; i < tiling.count(); ++i) {
                    const Tile tile = tiling[i];
                    for (std::size_t r = 0; r < tile.rows; ++r) {
                        for (std::size_t c = 0; c < tile.cols; ++c) {
                            ++covered[(tile.first_row + r) * cols + tile.first_col + c];
                        }
                    }
                }
                std::size_t once = 0;
                for (const unsigned char times : covered) once += times == 1 ? 1U : 0U;
                REQUIRE(once == rows * cols);
            }
        }
    }
}

TEST_CASE("the products of a model have tiles for all threads, equally many for each") {
    for (const std::size_t cols : {768U, 2304U, 3072U}) {
        for (const std::size_t threads : {2U, 4U, 8U}) {
            CAPTURE(cols, threads);
            CHECK(Tiling(1024, cols, 768, threads).count() % threads == 0);
        }
    }
}

TEST_CASE("a product that is too small to share has one tile") { CHECK(Tiling(16, 16, 16, 8).count() == 1); }
