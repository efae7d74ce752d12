// SPDX-License-Identifier: MIT
// What a GPT-2-class config.json can say besides sizes, as policies: activation, attention scale, epsilon of norms.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <lamina/arch/policy.hpp>
#include <lamina/core/activation.hpp>
#include <lamina/core/host_device.hpp>

/// Activation functions of the MLP, under the first of the names that transformers has for them.
namespace lamina::activation {

/// The tanh form of gelu: GPT-2's own, and the default.
struct GeluNew {
    using answers = question::ActivationFunction;
    static constexpr std::array<std::string_view, 4> names{"gelu_new", "gelu_pytorch_tanh", "gelu_fast",
                                                           "gelu_accurate"};
    template <class T>
    [[nodiscard]] LAMINA_HOST_DEVICE static T value(T x) {
        return math::gelu(x);
    }
    template <class T>
    [[nodiscard]] LAMINA_HOST_DEVICE static T slope(T x) {
        return math::gelu_derivative(x);
    }
};

/// The exact gelu, x · Φ(x), as in Cerebras-GPT.
struct Gelu {
    using answers = question::ActivationFunction;
    static constexpr std::array<std::string_view, 2> names{"gelu", "gelu_python"};
    template <class T>
    [[nodiscard]] LAMINA_HOST_DEVICE static T value(T x) {
        return math::exact_gelu(x);
    }
    template <class T>
    [[nodiscard]] LAMINA_HOST_DEVICE static T slope(T x) {
        return math::exact_gelu_derivative(x);
    }
};

/// max(x, 0), whose slope at 0 is 0. NaN stays.
struct Relu {
    using answers = question::ActivationFunction;
    static constexpr std::array<std::string_view, 1> names{"relu"};
    template <class T>
    [[nodiscard]] LAMINA_HOST_DEVICE static T value(T x) {
        return x < T(0) ? T(0) : x;
    }
    template <class T>
    [[nodiscard]] LAMINA_HOST_DEVICE static T slope(T x) {
        return x > T(0) ? T(1) : T(0);
    }
};

/// x / (1 + e^-x), also called swish.
struct Silu {
    using answers = question::ActivationFunction;
    static constexpr std::array<std::string_view, 2> names{"silu", "swish"};
    template <class T>
    [[nodiscard]] LAMINA_HOST_DEVICE static T value(T x) {
        return math::silu(x);
    }
    template <class T>
    [[nodiscard]] LAMINA_HOST_DEVICE static T slope(T x) {
        return math::silu_derivative(x);
    }
};

struct Tanh {
    using answers = question::ActivationFunction;
    static constexpr std::array<std::string_view, 1> names{"tanh"};
    template <class T>
    [[nodiscard]] LAMINA_HOST_DEVICE static T value(T x) {
        return math::tanh(x);
    }
    template <class T>
    [[nodiscard]] LAMINA_HOST_DEVICE static T slope(T x) {
        const T t = math::tanh(x);
        return T(1) - t * t;
    }
};

}  // namespace lamina::activation

/// What scores q·k are multiplied by before the softmax, D the width of a head.
namespace lamina::attention_scale {

namespace detail {

/// `ByRoot`: 1 / sqrt(D), `scale_attn_weights`. `ByLayer`: 1 / (i + 1) in block i, `scale_attn_by_inverse_layer_idx`.
template <bool ByRoot, bool ByLayer>
struct Scale {
    using answers = question::AttentionScale;
    static constexpr bool by_root = ByRoot;
    static constexpr bool by_layer = ByLayer;
};

}  // namespace detail

/// 1 / sqrt(D): GPT-2's own, and the default.
struct InverseRoot : detail::Scale<true, false> {};

/// 1 / ((i + 1) · sqrt(D)) in block i, as in CRFM's GPT-2.
///
/// source   stanford-crfm/mistral; docs/gpt2.md, "config.json"
struct InverseRootAndLayer : detail::Scale<true, true> {};

/// 1 / (i + 1) in block i.
struct InverseLayer : detail::Scale<false, true> {};

struct One : detail::Scale<false, false> {};

}  // namespace lamina::attention_scale

namespace lamina::norm_epsilon {

/// Digits · 10^Exponent, what norms add to the variance: `norm_epsilon::Decimal<1, -6>` is 1e-6, the same double as the
/// literal, since 10^-Exponent is exact up to 22.
template <std::uint64_t Digits, int Exponent>
requires(Digits != 0 && Digits < (std::uint64_t{1} << 53U) && Exponent <= 22 && Exponent >= -22) struct Decimal {
    using answers = question::NormEpsilon;
    static constexpr double value = [] {
        double power = 1;
        for (int i = 0; i < (Exponent < 0 ? -Exponent : Exponent); ++i) power *= 10;
        return Exponent < 0 ? static_cast<double>(Digits) / power : static_cast<double>(Digits) * power;
    }();
};

/// 1e-5: GPT-2's own, and the default.
using Usual = Decimal<1, -5>;

}  // namespace lamina::norm_epsilon
