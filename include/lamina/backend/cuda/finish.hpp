// SPDX-License-Identifier: MIT
// finish: what a product does after its sums, where cuBLASLt cannot do it: scale, bias, base, gelu, one rounding.
#pragma once

#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/grid.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/activation.hpp>
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

template <unsigned Width, class Out, class Bias, class Base>
__global__ void __launch_bounds__(element_threads) finish_elements(Finish<Out, Bias, Base> request) {
    using Compute = ComputeOf<Out>;
    const std::size_t per_row = request.out.cols / Width;
    const std::size_t count = request.out.rows * per_row;
    for (std::size_t i = first_element(); i < count; i += element_step()) {
        const Place place = place_of(i, per_row);
        const std::size_t col = place.piece * Width;
        Pack<Compute, Width> z{};
        const auto with = [&](const auto& view, std::size_t row, const auto& f) {
            if (view.empty()) return;
            const auto pack = load_pack<Width>(view.row(row) + col);
#pragma unroll
            for (unsigned k = 0; k < Width; ++k) z.values[k] = f(z.values[k], converted<Compute>(pack.values[k]));
        };
        const auto scale = static_cast<Compute>(request.scale);
        with(request.sum, place.row, [&](Compute, Compute sum) { return scale * sum; });
        with(MatrixView<const Bias>(request.bias, 1, request.out.cols), 0, [](Compute x, Compute b) { return x + b; });
        with(request.base, place.row, [](Compute x, Compute base) { return base + x; });
        with(request.slope_at, place.row, [](Compute x, Compute at) { return x * math::gelu_derivative(at); });
        Pack<Out, Width> out;
#pragma unroll
        for (unsigned k = 0; k < Width; ++k) out.values[k] = static_cast<Out>(z.values[k]);
        if (!request.pre_activation.empty()) {
            store_pack(request.pre_activation.row(place.row) + col, out);
#pragma unroll
            for (unsigned k = 0; k < Width; ++k) {
                out.values[k] = static_cast<Out>(math::gelu(static_cast<Compute>(out.values[k])));
            }
        }
        store_pack(request.out.row(place.row) + col, out);
    }
}

}  // namespace detail

/// `what` is the operation as a user knows it.
template <class Out, class Bias, class Base>
void finish(Context& context, const char* what, const Finish<Out, Bias, Base>& request) {
    constexpr unsigned width = pack_width<Out, Bias, Base>;
    const std::size_t count = request.out.size();
    const bool packed = is_packed<width>(request.out) && is_packed<width>(request.sum) &&
                        is_packed<width>(request.base) && is_packed<width>(request.pre_activation) &&
                        is_packed<width>(request.slope_at) && starts_pack<width>(request.bias);
    if (packed) {
        launch(context.stream(), what, shape_for_elements(context, count / width),
               detail::finish_elements<width, Out, Bias, Base>, request);
    } else {
        launch(context.stream(), what, shape_for_elements(context, count), detail::finish_elements<1, Out, Bias, Base>,
               request);
    }
}

}  // namespace lamina::cuda
