// SPDX-License-Identifier: MIT
// Tiling: how the output of a matrix product is cut up between threads.
#pragma once

#include <algorithm>
#include <cstddef>

namespace lamina::cpu {

/// A rectangle of a matrix.
struct Tile {
    std::size_t first_row;
    std::size_t rows;
    std::size_t first_col;
    std::size_t cols;
};

/// Some columns of one row of a matrix.
struct Run {
    std::size_t row;
    std::size_t first;
    std::size_t count;
};

/// Cuts an output of `rows` × `cols`, each element a sum of `depth` products, into tiles of nearly one size: small
/// enough for the caches, as many as keep all threads busy to the end, one where threads would cost more than they
/// save.
class Tiling {
public:
    Tiling(std::size_t rows, std::size_t cols, std::size_t depth, std::size_t threads) : rows_(rows), cols_(cols) {
        if (rows * cols * depth < worth_sharing) threads = 1;
        std::size_t down = pieces(rows, most_rows);
        std::size_t across = pieces(cols, most_cols);
        while (down * across % threads != 0 && down * across < threads * enough_per_thread) {
            const bool rows_are_longer = rows * across > cols * down;
            if (rows_are_longer && rows >= (down + 1) * fewest) {
                ++down;
            } else if (cols >= (across + 1) * fewest) {
                ++across;
            } else {
                break;
            }
        }
        tile_rows_ = piece(rows, down);
        tile_cols_ = piece(cols, across);
        down_ = pieces(rows, tile_rows_);
        across_ = pieces(cols, tile_cols_);
    }

    [[nodiscard]] std::size_t count() const { return down_ * across_; }

    [[nodiscard]] Tile operator[](std::size_t index) const {
        const std::size_t first_row = index % down_ * tile_rows_;
        const std::size_t first_col = index / down_ * tile_cols_;
        return {first_row, std::min(tile_rows_, rows_ - first_row), first_col, std::min(tile_cols_, cols_ - first_col)};
    }

    /// Rows of the right operand that are expanded at a time where it is stored in another type.
    static constexpr std::size_t panel_depth = 1024;

private:
    static constexpr std::size_t most_rows = 1024;
    static constexpr std::size_t most_cols = 512;
    static constexpr std::size_t fewest = 32;
    static constexpr std::size_t enough_per_thread = 8;
    static constexpr std::size_t worth_sharing = std::size_t{1} << 16U;
    static constexpr std::size_t granule = 16;

    static std::size_t pieces(std::size_t length, std::size_t each) { return (length + each - 1) / each; }
    static std::size_t piece(std::size_t length, std::size_t count) {
        return pieces(pieces(length, count), granule) * granule;
    }

    std::size_t rows_;
    std::size_t cols_;
    std::size_t tile_rows_ = 0;
    std::size_t tile_cols_ = 0;
    std::size_t down_ = 0;
    std::size_t across_ = 0;
};

}  // namespace lamina::cpu
