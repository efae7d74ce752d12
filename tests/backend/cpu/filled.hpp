// SPDX-License-Identifier: MIT
// Matrices of repeatable, non-zero numbers for the tests of the CPU backend.
#pragma once

#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace lamina_tests {

/// A matrix that owns its scalars.
template <class T>
struct Filled {
    std::size_t rows;
    std::size_t cols;
    std::vector<T> values;

    /// Spread evenly over (-1, 1), the same for the same seed.
    Filled(std::size_t row_count, std::size_t col_count, std::uint32_t seed)
        : rows(row_count), cols(col_count), values(row_count * col_count) {
        std::mt19937 engine(seed);
        for (T& value : values) {
            const double unit = (static_cast<double>(engine()) + 0.5) * 0x1p-31 - 1;
            value = static_cast<T>(static_cast<lamina::ComputeOf<T>>(unit));
        }
    }

    [[nodiscard]] lamina::MatrixView<T> view() { return {values.data(), rows, cols}; }
    [[nodiscard]] lamina::MatrixView<const T> input() const { return {values.data(), rows, cols}; }
    [[nodiscard]] double operator()(std::size_t row, std::size_t col) const {
        return static_cast<double>(values[row * cols + col]);
    }
};

}  // namespace lamina_tests
