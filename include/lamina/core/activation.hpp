// SPDX-License-Identifier: MIT
// Activation functions and their derivatives, for layers and for backends that apply one as part of a product.
#pragma once

#include <cmath>

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

/// Φ(x), the share of a standard normal distribution that lies below x, within 2e-7 of it; Φ(±inf) = 1 or 0.
///
/// The tail beyond |x| is erfc(|x| / √2) / 2 = t · exp(-x² / 2 + p(t)) / 2 with t = 1 / (1 + |x| / √8) and p of degree
/// 9, fitted to 5e-8 of the tail: no branches, so that compilers vectorise it.
[[nodiscard]] LAMINA_HOST_DEVICE inline float normal_distribution(float x) noexcept {
    const auto parts = detail::SignedMagnitude::of(x);
    // From 14 on both tails are 0 or 1.
    const float size = parts.absolute_up_to(14.0F);
    const float t = 1.0F / (1.0F + 0.353553391F * size);
    float p = 0.14879116F;
    p = p * t - 0.70184727F;
    p = p * t + 1.20616954F;
    p = p * t - 0.76198419F;
    p = p * t - 0.02599468F;
    p = p * t - 0.02751209F;
    p = p * t + 0.04436234F;
    p = p * t + 0.38460637F;
    p = p * t + 0.99886841F;
    p = p * t - 1.26545952F;
    const float tail = 0.5F * t * exp(p - 0.5F * size * size);
    // 1 - tail on the right, tail on the left: half of the sign, added to half.
    return parts.pass_nan_to(0.5F + parts.give_sign(0.5F - tail));
}

/// As std::erfc has it: double is for checking gradients, where accuracy matters more than speed.
[[nodiscard]] LAMINA_HOST_DEVICE inline double normal_distribution(double x) noexcept {
    return 0.5 * std::erfc(-0.7071067811865476 * x);
}

/// x · Φ(x), the exact form of gelu.
///
/// source   Hendrycks & Gimpel 2016
template <class T>
[[nodiscard]] LAMINA_HOST_DEVICE T exact_gelu(T x) {
    return x * normal_distribution(x);
}

/// The derivative of `exact_gelu` at x: Φ(x) + x · φ(x).
template <class T>
[[nodiscard]] LAMINA_HOST_DEVICE T exact_gelu_derivative(T x) {
    constexpr T density = T(0.3989422804014327);  // 1 / sqrt(2 pi)
    return normal_distribution(x) + x * density * exp(T(-0.5) * x * x);
}

/// 1 / (1 + e^-x); 0 and 1 where e^-x is infinite or 0.
template <class T>
[[nodiscard]] LAMINA_HOST_DEVICE T sigmoid(T x) {
    return T(1) / (T(1) + exp(-x));
}

/// x · sigmoid(x), also called swish.
///
/// source   Elfwing et al. 2017; Ramachandran et al. 2017
template <class T>
[[nodiscard]] LAMINA_HOST_DEVICE T silu(T x) {
    return x * sigmoid(x);
}

/// The derivative of `silu` at x.
template <class T>
[[nodiscard]] LAMINA_HOST_DEVICE T silu_derivative(T x) {
    const T s = sigmoid(x);
    return s + x * s * (T(1) - s);
}

}  // namespace lamina::math
