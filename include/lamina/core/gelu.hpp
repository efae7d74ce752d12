// SPDX-License-Identifier: MIT
// gelu and its derivative, for layers and for backends that apply them as part of a product.
#pragma once

#include <lamina/core/host_device.hpp>
#include <lamina/core/vector_math.hpp>

namespace lamina::math {

/// x/2 · (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))), the tanh form, `gelu_new`.
///
/// source   Hendrycks & Gimpel 2016; docs/gpt2.md, "GELU"
template <class T>
[[nodiscard]] LAMINA_HOST_DEVICE T gelu(T x) {
    constexpr T c = T(0.7978845608028654);  // sqrt(2 / pi)
    return T(0.5) * x * (T(1) + tanh(c * (x + T(0.044715) * x * x * x)));
}

/// The derivative of `gelu` at x.
template <class T>
[[nodiscard]] LAMINA_HOST_DEVICE T gelu_derivative(T x) {
    constexpr T c = T(0.7978845608028654);
    const T t = tanh(c * (x + T(0.044715) * x * x * x));
    return T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * c * (T(1) + T(0.134145) * x * x);
}

}  // namespace lamina::math
