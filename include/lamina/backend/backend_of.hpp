// SPDX-License-Identifier: MIT
// BackendOf: which backend stands behind a device policy.
#pragma once

namespace lamina {

/// Each backend specialises this for its device policy, with `type` naming the backend.
template <class Device>
struct BackendOf {};

/// Whether a backend for the device is included.
template <class Device>
concept HasBackend = requires {
    typename BackendOf<Device>::type;
};

namespace detail {

/// Stands in for a backend after an error, so that one mistake is one message.
struct NoBackendSeeFirstError {
    struct Memory {};
};

template <class Device>
struct CheckedBackend {
    static_assert(HasBackend<Device>,
                  "lamina: device: no backend is included for this device; include <lamina/lamina.hpp> for the CPU or "
                  "<lamina/cuda.hpp> for CUDA");
    using type = NoBackendSeeFirstError;
};
template <HasBackend Device>
struct CheckedBackend<Device> {
    using type = typename BackendOf<Device>::type;
};

}  // namespace detail

template <class Device>
using BackendFor = typename detail::CheckedBackend<Device>::type;

}  // namespace lamina
