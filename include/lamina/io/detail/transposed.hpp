// SPDX-License-Identifier: MIT
// transposed: a matrix with rows and columns exchanged, for formats that keep weights the other way round.
#pragma once

#include <lamina/io/detail/model_tensors.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/core/scalar_type.hpp>
#include <lamina/nn/run/bound_tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::io::detail {

/// [rows, cols] -> [cols, rows], in tiles that stay in the cache.
template <class T>
[[nodiscard]] std::vector<T> transposed(std::span<const T> values, std::size_t rows, std::size_t cols) {
    constexpr std::size_t tile = 32;
    std::vector<T> result(values.size());
    for (std::size_t top = 0; top < rows; top += tile) {
        for (std::size_t left = 0; left < cols; left += tile) {
            for (std::size_t row = top; row < std::min(top + tile, rows); ++row) {
                for (std::size_t col = left; col < std::min(left + tile, cols); ++col) {
                    result[col * rows + row] = values[row * cols + col];
                }
            }
        }
    }
    return result;
}

/// As tensor_to_write for a matrix, its rows and columns exchanged.
///
/// memory  the matrix twice while it is written
template <class B, class Scalar, class Gradient>
[[nodiscard]] TensorToWrite transposed_tensor_to_write(std::string name, const BoundTensor<Scalar, Gradient>& tensor,
                                                       B& backend, std::optional<ScalarType> store_as) {
    return {.name = std::move(name),
            .type = store_as.value_or(scalar_type_of<Scalar>),
            .shape = {tensor.entry.cols(), tensor.entry.rows()},
            .write_data = [matrix = tensor.values, &backend](TensorSink& sink) {
                std::vector<Scalar> host(matrix.size());
                backend.download(host.data(), matrix.data, matrix.size() * sizeof(Scalar));
                host = transposed(std::span<const Scalar>(host), matrix.rows, matrix.cols);
                sink.write(std::span<const Scalar>(host));
            }};
}

}  // namespace lamina::io::detail
