// SPDX-License-Identifier: MIT
// Precision policies: the scalar type in which each role is stored.
#pragma once

#include <lamina/arch/policy.hpp>
#include <lamina/core/bfloat16.hpp>

namespace lamina::precision {

/// A precision policy names the stored scalar of frozen or trained base parameters, adapters, gradients, optimiser
/// moments and activations. Sums are made in double where the type is double, in float otherwise.
template <class B, class A, class G, class O, class X>
struct Stored {
    using answers = question::Precision;
    using Base = B;
    using Adapter = A;
    using Gradient = G;
    using Moment = O;
    using Activation = X;
};

/// Everything in float.
struct Fp32 : Stored<float, float, float, float, float> {};
/// Everything in double: exists so that gradients can be checked.
struct Fp64 : Stored<double, double, double, double, double> {};
/// Frozen base in bf16, everything that trains and every activation in float: what the removal method needs.
struct FrozenBf16 : Stored<bf16, float, float, float, float> {};
/// Everything in bf16, adapters and moments too: reproduces the failure of the original (reference 5.6), where updates
/// below half a unit in the last place vanish.
struct AllBf16 : Stored<bf16, bf16, bf16, bf16, bf16> {};

}  // namespace lamina::precision
