// SPDX-License-Identifier: MIT
// AttentionRows: what one block of an attention kernel works on: some queries of a head, and the keys that they see.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/host_device.hpp>

namespace lamina::cuda::detail {

[[nodiscard]] LAMINA_HOST_DEVICE constexpr unsigned smaller(unsigned a, unsigned b) { return a < b ? a : b; }

/// The rows of a head within a matrix: its first, and how many elements further the next one is.
template <class T>
struct HeadRows {
    T* first = nullptr;
    unsigned stride = 0;  ///< 32 bits, which spares registers; no row is longer

    HeadRows() = default;
    LAMINA_HOST_DEVICE HeadRows(const MatrixView<T>& matrix, std::size_t row, std::size_t col)
        : first(matrix.data + row * matrix.stride + col), stride(static_cast<unsigned>(matrix.stride)) {}

    LAMINA_HOST_DEVICE [[nodiscard]] T* operator[](unsigned row) const {
        // By bytes: one instruction, where a product of elements takes four.
        using Byte = std::conditional_t<std::is_const_v<T>, const std::byte, std::byte>;
        const auto stride_bytes = static_cast<unsigned>(stride * sizeof(T));
        return reinterpret_cast<T*>(reinterpret_cast<Byte*>(first) + std::size_t{row} * stride_bytes);
    }
    [[nodiscard]] LAMINA_HOST_DEVICE HeadRows from_column(std::size_t col) const {
        HeadRows moved = *this;
        moved.first += col;
        return moved;
    }
};

/// Whether keys of a cache come before the queries' own.
enum class Prefix { none, cached };

/// The queries `first` and later, up to as many as a block takes, of `count` consecutive tokens of one head. Query i
/// sees the keys [0, prefix + i]: `prefix` cached ones, then the tokens' own.
template <class T, Prefix Keys>
struct AttentionRows {
    HeadRows<const T> queries;
    HeadRows<const T> keys;
    HeadRows<const T> values;
    HeadRows<const T> cached_keys;
    HeadRows<const T> cached_values;
    HeadRows<T> out;
    ComputeOf<T>* log_sum_exp = nullptr;  ///< of the first token; null where it is not wanted
    std::size_t log_sum_exp_stride = 0;
    unsigned prefix = 0;
    unsigned count = 0;
    unsigned first = 0;
    unsigned chunk = 0;  ///< which of the output's columns, where a block makes some of them only

    /// Of one head in the rows of `qkv` and `out` from `row` on.
    LAMINA_HOST_DEVICE void place(const MatrixView<const T>& qkv, const MatrixView<T>& to, std::size_t row,
                                  std::size_t col) {
        queries = HeadRows<const T>(qkv, row, col);
        keys = queries.from_column(to.cols);
        values = keys.from_column(to.cols);
        out = HeadRows<T>(to, row, col);
    }
    LAMINA_HOST_DEVICE [[nodiscard]] unsigned cached() const { return Keys == Prefix::cached ? prefix : 0; }
    LAMINA_HOST_DEVICE [[nodiscard]] const T* key(unsigned s) const {
        return s < cached() ? cached_keys[s] : keys[s - cached()];
    }
    LAMINA_HOST_DEVICE [[nodiscard]] const T* value(unsigned s) const {
        return s < cached() ? cached_values[s] : values[s - cached()];
    }
    /// How many keys the block's last query sees, if the block has `rows` queries.
    LAMINA_HOST_DEVICE [[nodiscard]] unsigned seen(unsigned rows) const {
        return cached() + smaller(count, first + rows);
    }
};

/// Which end of a sequence has the most work: with causal attention the last queries see the most keys, and the first
/// keys are seen by the most queries.
enum class Longest { first, last };

/// How the blocks of a kernel share the heads of whole sequences: `group` heads at a time, so that what several blocks
/// of a head read stays in the second-level cache, and within a group the tiles with the most work first, so that the
/// last blocks to run are short.
struct HeadGrid {
    /// 16 MiB of bf16 keys and values at a thousand tokens and width 64, a third of an H100's second-level cache.
    static constexpr unsigned group = 64;

    unsigned heads = 0;
    unsigned pairs = 0;  ///< of a sequence and a head
    unsigned tiles = 0;  ///< of a sequence
    unsigned chunks = 1;
    Longest longest = Longest::last;

    HeadGrid() = default;
    HeadGrid(Extent extent, std::size_t head_count, unsigned rows_per_tile, Longest longest_end)
        : heads(static_cast<unsigned>(head_count)),
          pairs(static_cast<unsigned>(extent.batch * head_count)),
          tiles(pieces(static_cast<unsigned>(extent.sequence), rows_per_tile)),
          longest(longest_end) {}

    [[nodiscard]] LaunchShape shape(unsigned threads, std::size_t shared_bytes) const {
        return {.blocks = smaller(pairs, group),
                .threads = threads,
                .shared_bytes = shared_bytes,
                .blocks_y = tiles * chunks,
                .blocks_z = pieces(pairs, group)};
    }

    struct Place {
        bool exists;  ///< false for what the last group lacks
        unsigned pair;
        unsigned sequence;
        unsigned head;
        unsigned tile;
        unsigned chunk;
    };
    LAMINA_HOST_DEVICE [[nodiscard]] Place place(const BlockIndex& block) const {
        const unsigned pair = block.z * group + block.x;
        const unsigned turn = block.y / chunks;
        return {.exists = pair < pairs,
                .pair = pair,
                .sequence = pair / heads,
                .head = pair % heads,
                .tile = longest == Longest::last ? tiles - 1 - turn : turn,
                .chunk = block.y % chunks};
    }
};

/// Attention's sequences, for kernels whose blocks take `tile_rows` queries of a head each.
template <class T>
struct WholeSequences {
    Attention<T> request;
    HeadGrid grid;
    unsigned tile_rows;

    WholeSequences(const Attention<T>& attention, unsigned rows)
        : request(attention), grid(attention.extent, attention.heads, rows, Longest::last), tile_rows(rows) {}

    [[nodiscard]] LaunchShape shape(unsigned threads, std::size_t shared_bytes) const {
        return grid.shape(threads, shared_bytes);
    }
    void set_chunks(unsigned chunks) { grid.chunks = chunks; }
    LAMINA_HOST_DEVICE [[nodiscard]] unsigned head_width() const {
        return static_cast<unsigned>(request.out.cols) / grid.heads;
    }

    LAMINA_HOST_DEVICE [[nodiscard]] AttentionRows<T, Prefix::none> rows(const BlockIndex& block) const {
        AttentionRows<T, Prefix::none> rows;
        const HeadGrid::Place place = grid.place(block);
        if (!place.exists) return rows;
        const std::size_t row = place.sequence * request.extent.sequence;
        rows.place(request.qkv, request.out, row, std::size_t{place.head} * head_width());
        rows.log_sum_exp = request.log_sum_exp.row(row) + place.head;
        rows.log_sum_exp_stride = request.log_sum_exp.stride;
        rows.count = static_cast<unsigned>(request.extent.sequence);
        rows.first = place.tile * tile_rows;
        rows.chunk = place.chunk;
        return rows;
    }
};

/// Where the rows of one head of one sequence lie, in the backward pass.
template <class T>
struct BackwardRows {
    HeadRows<const T> queries;
    HeadRows<const T> keys;
    HeadRows<const T> values;
    HeadRows<const T> d_out;
    HeadRows<T> d_queries;
    HeadRows<T> d_keys;
    HeadRows<T> d_values;
    unsigned count;  ///< T
    unsigned width;

    LAMINA_HOST_DEVICE BackwardRows(const AttentionBackward<T>& request, const HeadGrid::Place& place)
        : count(static_cast<unsigned>(request.extent.sequence)),
          width(static_cast<unsigned>(request.out.cols / request.heads)) {
        const std::size_t embed = request.out.cols;
        const std::size_t row = std::size_t{place.sequence} * count;
        const std::size_t col = std::size_t{place.head} * width;
        queries = HeadRows<const T>(request.qkv, row, col);
        keys = queries.from_column(embed);
        values = keys.from_column(embed);
        d_out = HeadRows<const T>(request.d_out, row, col);
        d_queries = HeadRows<T>(request.d_qkv, row, col);
        d_keys = d_queries.from_column(embed);
        d_values = d_keys.from_column(embed);
    }
};

}  // namespace lamina::cuda::detail
