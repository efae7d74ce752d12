// SPDX-License-Identifier: MIT
// finish: what a product does after its sums, where cuBLASLt cannot do it: scale, bias, base, gelu, one rounding.
#pragma once

#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/operands.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/gelu.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cuda {

/// z = scale · sum + bias + base; out = z; with `pre_activation`, pre_activation = z and out = gelu(z) of z as it is
/// stored; with `slope_at`, out = z times the derivative of gelu there.
///
/// shapes   out, sum, base, pre_activation, slope_at [M, N]; bias [N]
/// optional sum (then 0), bias, base, and one of pre_activation and slope_at
/// aliasing sum and base may be out
template <class Out, class Bias, class Base>
struct Finish {
    MatrixView<Out> out;
    MatrixView<const ComputeOf<Out>> sum;
    double scale = 1;
    const Bias* bias = nullptr;
    MatrixView<const Base> base{};
    MatrixView<Out> pre_activation{};
    MatrixView<const Out> slope_at{};
};

namespace detail {

template <class Out, class Bias, class Base>
__global__ void finish_elements(Finish<Out, Bias, Base> request) {
    using Compute = ComputeOf<Out>;
    const std::size_t col = std::size_t{block_index().x} * thread_count() + thread_index();
    if (col >= request.out.cols) return;
    const Compute bias = request.bias == nullptr ? Compute(0) : static_cast<Compute>(request.bias[col]);
    for (std::size_t row = block_index().y; row < request.out.rows; row += block_count().y) {
        Compute z = bias;
        if (!request.sum.empty()) z = static_cast<Compute>(request.scale) * request.sum(row, col) + bias;
        if (!request.base.empty()) z = static_cast<Compute>(request.base(row, col)) + z;
        if (!request.slope_at.empty()) z *= math::gelu_derivative(static_cast<Compute>(request.slope_at(row, col)));
        if (!request.pre_activation.empty()) {
            const Out stored = static_cast<Out>(z);
            request.pre_activation(row, col) = stored;
            z = math::gelu(static_cast<Compute>(stored));
        }
        request.out(row, col) = static_cast<Out>(z);
    }
}

}  // namespace detail

/// `what` is the operation as a user knows it.
template <class Out, class Bias, class Base>
void finish(Context& context, const char* what, const Finish<Out, Bias, Base>& request) {
    launch(context.stream(), what, detail::over_elements(request.out.rows, request.out.cols),
           detail::finish_elements<Out, Bias, Base>, request);
}

}  // namespace lamina::cuda
