// SPDX-License-Identifier: MIT
// Operands: brings matrices to the type and alignment in which cuBLASLt multiplies, in scratch memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/backend/cuda/product.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cuda {

/// An operand of a product: the sum of one to three matrices of one type, the largest first.
struct Operand {
    static constexpr std::size_t most_parts = 3;

    std::array<StoredMatrix, most_parts> parts{};
    std::size_t count = 1;
};

namespace detail {

/// A row's length in scratch: rows start at multiples of 32 bytes, whatever the type.
[[nodiscard]] constexpr std::size_t padded(std::size_t cols) { return (cols + 15) / 16 * 16; }

/// One thread per element of a row; rows are shared among the blocks along y.
[[nodiscard]] inline LaunchShape over_elements(std::size_t rows, std::size_t cols) {
    const std::size_t threads = std::min<std::size_t>(256, pieces(cols, warp_size) * warp_size);
    return {.blocks = static_cast<unsigned>(pieces(cols, threads)),
            .threads = static_cast<unsigned>(threads),
            .blocks_y = static_cast<unsigned>(std::min<std::size_t>(rows, 65535))};
}

template <class To, class From>
__global__ void convert_matrix(MatrixView<const From> from, MatrixView<To> to) {
    const std::size_t col = std::size_t{block_index().x} * thread_count() + thread_index();
    if (col >= to.cols) return;
    for (std::size_t row = block_index().y; row < to.rows; row += block_count().y) {
        to(row, col) = static_cast<To>(static_cast<ComputeOf<To>>(from(row, col)));
    }
}

/// The bf16 nearest to `value`; for the few finite values that would round to infinity, the one below.
__device__ inline bf16 leading_part(float value) {
    const bf16 nearest(value);
    constexpr std::uint16_t magnitude = 0x7FFF;
    constexpr std::uint16_t infinity = 0x7F80;
    const bool overflows = (nearest.bits & magnitude) == infinity && value - value == 0;
    return overflows ? bf16::from_bits(static_cast<std::uint16_t>(nearest.bits - 1)) : nearest;
}

/// parts[p] of [P · rows, cols] as `to`, one below the other: from = Σ parts, to 8 · P bits. What is not finite is all
/// in the first part.
template <std::size_t P>
__global__ void split_matrix(MatrixView<const float> from, MatrixView<bf16> to) {
    const std::size_t col = std::size_t{block_index().x} * thread_count() + thread_index();
    if (col >= from.cols) return;
    for (std::size_t row = block_index().y; row < from.rows; row += block_count().y) {
        float rest = from(row, col);
        for (std::size_t p = 0; p < P; ++p) {
            const bf16 part = leading_part(rest);
            to(p * from.rows + row, col) = part;
            const float difference = rest - float(part);  // exact: part holds the leading bits of rest
            rest = difference == difference ? difference : 0.0F;
        }
    }
}

}  // namespace detail

/// A copy of `from` in scratch, without odd strides or offsets, rounded to `To`.
template <class To, class From>
[[nodiscard]] MatrixView<To> converted(Context& context, Scratch purpose, MatrixView<const From> from) {
    const std::size_t stride = detail::padded(from.cols);
    const MatrixView<To> to(context.scratch<To>(purpose, from.rows * stride), from.rows, from.cols, stride);
    launch(context.stream(), "converting an operand of a product", detail::over_elements(from.rows, from.cols),
           detail::convert_matrix<To, From>, from, to);
    return to;
}

/// `from` as one matrix of `Element`: itself where that is what it is, and its rows start at multiples of 16 bytes if
/// `packed` asks for that; else a copy.
template <class Element, class From>
[[nodiscard]] Operand operand_as(Context& context, Scratch purpose, MatrixView<const From> from, bool packed) {
    if constexpr (std::is_same_v<Element, From>) {
        if (!packed || aligned(from)) return {.parts = {from}};
    }
    return {.parts = {converted<Element>(context, purpose, from)}};
}

/// A float matrix as the sum of P bf16 ones in scratch, good to 8 · P bits: with three, every float of ordinary size is
/// exact. A bf16 matrix is its own only part.
template <std::size_t P, class From>
[[nodiscard]] Operand split_operand(Context& context, Scratch purpose, MatrixView<const From> from) {
    if constexpr (std::is_same_v<From, bf16>) {
        return operand_as<bf16>(context, purpose, from, true);
    } else {
        static_assert(std::is_same_v<From, float>,
                      "lamina: split_operand: parts are taken of float only; convert first");
        const std::size_t stride = detail::padded(from.cols);
        const MatrixView<bf16> to(context.scratch<bf16>(purpose, P * from.rows * stride), P * from.rows, from.cols,
                                  stride);
        launch(context.stream(), "splitting an operand of a product", detail::over_elements(from.rows, from.cols),
               detail::split_matrix<P>, from, to);
        Operand operand{.count = P};
        for (std::size_t p = 0; p < P; ++p) operand.parts[p] = to.middle_rows(p * from.rows, from.rows);
        return operand;
    }
}

}  // namespace lamina::cuda
