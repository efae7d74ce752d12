// SPDX-License-Identifier: MIT
// Precision policies: the scalar type in which each role is stored.
#pragma once

#include <type_traits>

#include <lamina/arch/policy.hpp>
#include <lamina/core/bfloat16.hpp>

namespace lamina::precision {

/// A precision policy names the stored scalar of frozen or trained base parameters, adapters, gradients, optimiser
/// moments and activations, and may say otherwise of two that follow from these: the residual stream between layers,
/// and what executions that work once per step make of an adapter (W + A·B or A·B). Sums are made in double where the
/// type is double, in float otherwise.
template <class B, class A, class G, class O, class X>
struct Stored {
    using answers = question::Precision;
    using Base = B;
    using Adapter = A;
    using Gradient = G;
    using Moment = O;
    using Activation = X;
    using Stream = X;
    using Materialised = std::conditional_t<std::is_same_v<X, double>, double, float>;
};

/// Everything in float.
struct Fp32 : Stored<float, float, float, float, float> {};
/// Everything in double: exists so that gradients can be checked.
struct Fp64 : Stored<double, double, double, double, double> {};
/// Frozen base in bf16, everything that trains and every activation in float.
struct FrozenBf16 : Stored<bf16, float, float, float, float> {};
/// For matrix units that multiply bf16: base, activations and what is materialised once per step in bf16, the residual
/// stream and everything that trains in float. GPT-2's residual stream has channels too large for bf16.
struct MixedBf16 : Stored<bf16, float, float, float, bf16> {
    using Stream = float;
    using Materialised = bf16;
};
/// Everything in bf16, adapters and moments too: reproduces the failure of the original (docs/method.md, "Adapters"),
/// where updates below half a unit in the last place vanish.
struct AllBf16 : Stored<bf16, bf16, bf16, bf16, bf16> {};

}  // namespace lamina::precision
