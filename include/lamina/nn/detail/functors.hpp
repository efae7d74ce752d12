// SPDX-License-Identifier: MIT
// The elementwise functions that several layers hand to a backend's `map` and `sum_rows`.
#pragma once

#include <lamina/core/host_device.hpp>

namespace lamina::detail {

struct Identity {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T value) const {
        return value;
    }
};

struct Add {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T a, T b) const {
        return a + b;
    }
};

struct Scale {
    double factor;
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T value) const {
        return static_cast<T>(factor) * value;
    }
};

struct AddScaled {
    double factor;
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T term, T base) const {
        return base + static_cast<T>(factor) * term;
    }
};

}  // namespace lamina::detail
