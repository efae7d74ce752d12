// SPDX-License-Identifier: MIT
// The CPU's matrix products as requests: those that only sum, and those with more to make of the sums.
#pragma once

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/matmul.hpp>
#include <lamina/core/activation.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cpu {

namespace detail {

/// z = scale · sum + bias + base, and gelu of it where z is kept. A bias that has started the sum is not there.
template <class Out, class Bias, class Base>
struct FinishAffine {
    using Compute = ComputeOf<Out>;

    Compute scale;
    const Bias* bias;
    MatrixView<const Base> base;
    MatrixView<Out> pre_activation;

    [[nodiscard]] bool reads_output(const Out* out) const { return static_cast<const void*>(base.data) == out; }

    void operator()(const Compute* sum, Out* out, const Run& run) const {
        if (pre_activation.empty()) return write(sum, out, run);
        Out* const z = pre_activation.row(run.row) + run.first;
        write(sum, z, run);
        map_run<Compute>(
            out, run.count, [](Compute value) { return math::gelu(value); }, static_cast<const Out*>(z));
    }

private:
    void write(const Compute* sum, Out* z, const Run& run) const {
        const Compute s = scale;
        const Base* const from = base.empty() ? nullptr : base.row(run.row) + run.first;
        if (bias != nullptr && from != nullptr) {
            const auto affine = [s](Compute value, Compute b, Compute start) { return start + (s * value + b); };
            map_run<Compute>(z, run.count, affine, sum, bias + run.first, from);
        } else if (bias != nullptr) {
            const auto affine = [s](Compute value, Compute b) { return s * value + b; };
            map_run<Compute>(z, run.count, affine, sum, bias + run.first);
        } else if (from != nullptr) {
            const auto affine = [s](Compute value, Compute start) { return start + s * value; };
            map_run<Compute>(z, run.count, affine, sum, from);
        } else if (s != 1) {
            map_run<Compute>(
                z, run.count, [s](Compute value) { return s * value; }, sum);
        } else {
            StoreSums{}(sum, z, run);
        }
    }
};

/// The sum times the derivative of gelu at what went in.
template <class Out>
struct FinishGeluBackward {
    using Compute = ComputeOf<Out>;

    MatrixView<const Out> pre_activation;

    [[nodiscard]] bool reads_output(const Out*) const { return false; }

    void operator()(const Compute* sum, Out* out, const Run& run) const {
        const auto backward = [](Compute d, Compute z) { return d * math::gelu_derivative(z); };
        map_run<Compute>(out, run.count, backward, sum, pre_activation.row(run.row) + run.first);
    }
};

}  // namespace detail

template <class Out, class Lhs, class Rhs>
void execute(Context& context, const Matmul<Out, Lhs, Rhs>& request) {
    matmul(context, MatmulRequest<Out, Lhs, Rhs, ComputeOf<Out>>{.out = request.out,
                                                                 .lhs = {request.lhs, request.lhs_as},
                                                                 .rhs = {request.rhs, request.rhs_as},
                                                                 .write = request.write});
}

template <class Out, class Lhs, class Rhs, class Bias, class Base>
void execute(Context& context, const AffineProduct<Out, Lhs, Rhs, Bias, Base>& request) {
    using Finish = detail::FinishAffine<Out, Bias, Base>;
    // A sum that starts from the bias needs no second look at it.
    const bool starts_sum = request.scale == 1;
    matmul(context,
           MatmulRequest<Out, Lhs, Rhs, Bias, Finish>{.out = request.out,
                                                      .lhs = {request.lhs},
                                                      .rhs = {request.rhs},
                                                      .bias = starts_sum ? request.bias.data : nullptr,
                                                      .finish = {.scale = static_cast<ComputeOf<Out>>(request.scale),
                                                                 .bias = starts_sum ? nullptr : request.bias.data,
                                                                 .base = request.base,
                                                                 .pre_activation = request.pre_activation}});
}

template <class Out, class Lhs, class Rhs>
void execute(Context& context, const GeluBackwardProduct<Out, Lhs, Rhs>& request) {
    using Finish = detail::FinishGeluBackward<Out>;
    matmul(context, MatmulRequest<Out, Lhs, Rhs, ComputeOf<Out>, Finish>{.out = request.out,
                                                                         .lhs = {request.lhs},
                                                                         .rhs = {request.rhs, Transpose::yes},
                                                                         .write = request.write,
                                                                         .finish = {request.pre_activation}});
}

}  // namespace lamina::cpu
