// SPDX-License-Identifier: MIT
// Product: one matrix product on one thread, as engines are given it.
#pragma once

#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cpu {

/// A matrix and whether its transpose is meant.
template <class T>
struct Operand {
    MatrixView<T> stored;
    Transpose as = Transpose::no;

    [[nodiscard]] std::size_t rows() const { return as == Transpose::no ? stored.rows : stored.cols; }
    [[nodiscard]] std::size_t cols() const { return as == Transpose::no ? stored.cols : stored.rows; }

    [[nodiscard]] Operand middle_rows(std::size_t first, std::size_t count) const {
        return {as == Transpose::no ? stored.middle_rows(first, count) : stored.columns(first, count), as};
    }
    [[nodiscard]] Operand columns(std::size_t first, std::size_t count) const {
        return {as == Transpose::no ? stored.columns(first, count) : stored.middle_rows(first, count), as};
    }
};

/// out (+)= lhs · rhs, everything stored as it is computed. Shapes fit, no size is 0, out overlaps no operand.
///
/// An engine is a type with `name` and a static `multiply(const Product<Compute>&)` that any thread may call.
template <class Compute>
struct Product {
    MatrixView<Compute> out;
    Operand<const Compute> lhs;
    Operand<const Compute> rhs;
    Write write = Write::overwrite;
};

}  // namespace lamina::cpu
