// SPDX-License-Identifier: MIT
// DeviceMatrix: a matrix in emulated device memory with rows at a stride of one's choice, for the CUDA backend's tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/memory.hpp>
#include <lamina/core/random.hpp>
#include <lamina/core/rows.hpp>

namespace lamina_tests {

/// Emulated device memory is the host's, so tests read and write it in place.
template <class T>
class DeviceMatrix {
public:
    DeviceMatrix(std::size_t rows, std::size_t cols) : DeviceMatrix(rows, cols, cols) {}
    /// Starts `first` elements after an address that is aligned.
    DeviceMatrix(std::size_t rows, std::size_t cols, std::size_t stride, std::size_t first = 0)
        : memory_((first + rows * stride) * sizeof(T)),
          view_(reinterpret_cast<T*>(memory_.data()) + first, rows, cols, stride) {}

    [[nodiscard]] lamina::MatrixView<T> view() const { return view_; }
    [[nodiscard]] lamina::MatrixView<const T> input() const { return view_; }
    [[nodiscard]] T* data() const { return view_.data; }

    /// With numbers in [-1, 1) that a seed decides.
    [[nodiscard]] DeviceMatrix randomised(std::uint64_t seed) && {
        lamina::Random random{seed};
        return std::move(*this).filled([&](std::size_t, std::size_t) { return random.uniform(-1, 1); });
    }
    /// With value_at(row, col) everywhere.
    [[nodiscard]] DeviceMatrix filled(auto value_at) && {
        for (std::size_t row = 0; row < view_.rows; ++row) {
            for (std::size_t col = 0; col < view_.cols; ++col) {
                view_(row, col) = static_cast<T>(static_cast<lamina::ComputeOf<T>>(value_at(row, col)));
            }
        }
        return std::move(*this);
    }
    /// The elements, row after row.
    [[nodiscard]] std::vector<double> values() const {
        std::vector<double> result;
        for (std::size_t row = 0; row < view_.rows; ++row) {
            for (std::size_t col = 0; col < view_.cols; ++col) result.push_back(static_cast<double>(view_(row, col)));
        }
        return result;
    }

private:
    lamina::cuda::Memory memory_;
    lamina::MatrixView<T> view_;
};

}  // namespace lamina_tests
