// SPDX-License-Identifier: MIT
// BackendOf: which backend stands behind a device policy.
#pragma once

namespace lamina {

/// Each backend specialises this for its device policy, with `type` naming the backend.
template <class Device>
struct BackendOf {
    static_assert(!sizeof(Device*),
                  "lamina: device: no backend is included for this device; include <lamina/lamina.hpp> for the CPU or "
                  "<lamina/cuda.hpp> for CUDA");
};

template <class Device>
using BackendFor = typename BackendOf<Device>::type;

}  // namespace lamina
