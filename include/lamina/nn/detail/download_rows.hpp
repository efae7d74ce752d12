// SPDX-License-Identifier: MIT
// download_rows: a matrix from a backend's memory to the host, without the gaps between its rows.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/core/rows.hpp>

namespace lamina::detail {

/// out [rows, cols], on the host.
template <class B, class T>
void download_rows(B& backend, std::remove_const_t<T>* out, MatrixView<T> view) {
    if (view.contiguous()) {
        backend.download(out, view.data, view.size() * sizeof(T));
        return;
    }
    for (std::size_t row = 0; row < view.rows; ++row) {
        backend.download(out + row * view.cols, view.row(row), view.cols * sizeof(T));
    }
}

}  // namespace lamina::detail
