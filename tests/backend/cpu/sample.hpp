// SPDX-License-Identifier: MIT
// sample: the numbers that the tests of the CPU backend's own headers work on.
#pragma once

#include <cstddef>
#include <vector>

#include <lamina/core/matrix_view.hpp>
#include <lamina/core/random.hpp>

namespace lamina_tests {

/// `count` numbers in [-1, 1), the same for the same seed.
template <class T>
[[nodiscard]] std::vector<T> sample(std::size_t count, std::uint64_t seed) {
    lamina::Random random{seed};
    std::vector<T> values(count);
    for (T& value : values) value = T(static_cast<float>(2 * random.uniform() - 1));
    return values;
}

/// All of `values` as a matrix for reading.
template <class T>
[[nodiscard]] lamina::MatrixView<const T> matrix(const std::vector<T>& values, std::size_t rows, std::size_t cols) {
    return {values.data(), rows, cols};
}

/// All of `values` as a matrix to be written.
template <class T>
[[nodiscard]] lamina::MatrixView<T> matrix(std::vector<T>& values, std::size_t rows, std::size_t cols) {
    return {values.data(), rows, cols};
}

}  // namespace lamina_tests
