// SPDX-License-Identifier: MIT
// RegisterTile: products of small matrices in shared memory on the ordinary units, for every scalar type.
#pragma once

#include <cstddef>

#include <lamina/backend/cuda/attention_rows.hpp>
#include <lamina/backend/cuda/primitives.hpp>

namespace lamina::cuda::detail {

/// A block's threads hold a square matrix in registers, 4 × 4 elements each: thread i the rows 4 (i / threads_across)
/// to 4 (i / threads_across) + 3, and columns likewise with the remainder. What they multiply lies in shared memory,
/// the depth along the rows: lhs[d][row], rhs[d][col].
template <class Compute>
struct RegisterTile {
    static constexpr unsigned side = sizeof(Compute) == 8 ? 32 : 64;  ///< rows, columns, and depth in shared memory
    static constexpr unsigned each = 4;
    static constexpr unsigned threads_across = side / each;
    static constexpr unsigned threads = threads_across * threads_across;
    /// Of three tiles each, which fit a multiprocessor together, with room for the registers of a forward pass.
    static constexpr unsigned blocks_at_once = sizeof(Compute) == 8 ? 4 : 3;
    static constexpr unsigned backward_blocks_at_once = sizeof(Compute) == 8 ? 4 : 2;
    // Four more than the side: neighbouring rows start four banks apart, so that eight threads, each writing four
    // elements of its own row, meet in no bank.
    static constexpr unsigned stride = side + each;
    static constexpr unsigned elements = side * stride;

    using Registers = Compute[each][each];

    struct alignas(16) Four {
        Compute values[each];
    };

    __device__ static unsigned first_row() { return thread_index() / threads_across * each; }
    __device__ static unsigned first_col() { return thread_index() % threads_across * each; }

    /// shared[d][r] = row_of(r)[d] for r < rows, d < depth; zeros in the other rows.
    template <class RowOf>
    __device__ static void load_transposed(Compute* shared, unsigned rows, unsigned depth, const RowOf& row_of) {
        for (unsigned i = thread_index(); i < side * threads_across; i += threads) {
            const unsigned d = i % side;
            const unsigned first = i / side * each;
            if (d >= depth) continue;
            Four four;
            for (unsigned j = 0; j < each; ++j) {
                four.values[j] = first + j < rows ? static_cast<Compute>(row_of(first + j)[d]) : Compute(0);
            }
            *reinterpret_cast<Four*>(shared + d * stride + first) = four;
        }
    }
    /// shared[d][c] = row_of(d)[c] for d < depth, c < cols; zeros in the other columns.
    template <class RowOf>
    __device__ static void load(Compute* shared, unsigned depth, unsigned cols, const RowOf& row_of) {
        for (unsigned i = thread_index(); i < side * depth; i += threads) {
            const unsigned d = i / side;
            const unsigned c = i % side;
            shared[d * stride + c] = c < cols ? static_cast<Compute>(row_of(d)[c]) : Compute(0);
        }
    }
    /// shared[row][col] = held, so that a product sums over its rows.
    __device__ static void store(Compute* shared, const Registers& held) {
        for (unsigned i = 0; i < each; ++i) {
            Four four;
            for (unsigned j = 0; j < each; ++j) four.values[j] = held[i][j];
            *reinterpret_cast<Four*>(shared + (first_row() + i) * stride + first_col()) = four;
        }
    }
    /// shared[col][row] = held, so that a product sums over its columns.
    __device__ static void store_transposed(Compute* shared, const Registers& held) {
        for (unsigned j = 0; j < each; ++j) {
            Four four;
            for (unsigned i = 0; i < each; ++i) four.values[i] = held[i][j];
            *reinterpret_cast<Four*>(shared + (first_col() + j) * stride + first_row()) = four;
        }
    }

    /// sums += lhsᵀ · rhs over the first `depth` rows of both.
    __device__ static void multiply_add(Registers& sums, const Compute* lhs, const Compute* rhs, unsigned depth) {
        const Compute* const a = lhs + first_row();
        const Compute* const b = rhs + first_col();
        for (unsigned d = 0; d < depth; ++d) {
            const Four x = *reinterpret_cast<const Four*>(a + d * stride);
            const Four y = *reinterpret_cast<const Four*>(b + d * stride);
            for (unsigned i = 0; i < each; ++i) {
                for (unsigned j = 0; j < each; ++j) sums[i][j] += x.values[i] * y.values[j];
            }
        }
    }

    /// The largest, or the sum, of what the threads with the same rows hold; all of them get it.
    __device__ static Compute largest_of_row(Compute value) {
        for (unsigned lanes = threads_across / 2; lanes > 0; lanes /= 2) {
            const Compute other = shuffle_xor(value, lanes);
            value = other > value ? other : value;
        }
        return value;
    }
    __device__ static Compute sum_of_row(Compute value) {
        for (unsigned lanes = threads_across / 2; lanes > 0; lanes /= 2) value += shuffle_xor(value, lanes);
        return value;
    }
};

/// Rows of two matrices whose products with each other are wanted, over all `width` columns.
template <class LhsRowOf, class RhsRowOf>
struct RowProducts {
    LhsRowOf lhs;
    RhsRowOf rhs;
    unsigned lhs_rows;
    unsigned rhs_rows;
    unsigned width;
};
template <class LhsRowOf, class RhsRowOf>
RowProducts(LhsRowOf, RhsRowOf, unsigned, unsigned, unsigned) -> RowProducts<LhsRowOf, RhsRowOf>;

/// The products, by way of a tile of shared memory for each side. With `lhs_is_loaded` that of the left side is there
/// already. Every thread of the block calls it; the tiles are free when it returns.
template <class Compute, class BlockRows>
__device__ void multiply_rows(Compute (&products)[4][4], Compute* lhs, Compute* rhs, const BlockRows& rows,
                              bool lhs_is_loaded = false) {
    using Tile = RegisterTile<Compute>;
    for (unsigned i = 0; i < Tile::each; ++i) {
        for (unsigned j = 0; j < Tile::each; ++j) products[i][j] = 0;
    }
    for (unsigned first = 0; first < rows.width; first += Tile::side) {
        const unsigned depth = smaller(Tile::side, rows.width - first);
        const auto from = [first](const auto& row_of) {
            return [first, &row_of](unsigned r) { return row_of(r) + first; };
        };
        if (!lhs_is_loaded) Tile::load_transposed(lhs, rows.lhs_rows, depth, from(rows.lhs));
        Tile::load_transposed(rhs, rows.rhs_rows, depth, from(rows.rhs));
        sync_threads();
        Tile::multiply_add(products, lhs, rhs, depth);
        sync_threads();
    }
}

}  // namespace lamina::cuda::detail
