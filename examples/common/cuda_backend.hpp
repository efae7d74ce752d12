// SPDX-License-Identifier: MIT
// The CUDA backend of a program's Place.
#pragma once

#include "place.hpp"

#include <lamina/backend/cuda/device.hpp>

#include <cstddef>

namespace common {

namespace detail {

[[nodiscard]] inline lamina::cuda::Choice choice_for(Shapes shapes) {
    return shapes == Shapes::few ? lamina::cuda::Choice::timed : lamina::cuda::Choice::first;
}

}  // namespace detail

[[nodiscard]] inline lamina::CudaBackend make_backend(lamina::device::Cuda, const Place& place, Shapes shapes) {
    return lamina::CudaBackend({.float_products = lamina::cuda::float_products_called(place.float_products),
                                .algorithms = detail::choice_for(shapes)});
}

/// From now on.
inline void expect_shapes(lamina::CudaBackend& backend, Shapes shapes) {
    backend.set_algorithms(detail::choice_for(shapes));
}

/// Bytes of the device's memory that nobody uses yet.
[[nodiscard]] inline std::size_t memory_of(lamina::device::Cuda device, const Place& place) {
    return make_backend(device, place, Shapes::few).device_memory().free;
}

}  // namespace common
