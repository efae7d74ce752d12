// SPDX-License-Identifier: MIT
// CUDA's AdamW update, one pass over parameters, gradients and moments of any number.
#pragma once

#include <cmath>
#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/grid.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/core/host_device.hpp>

namespace lamina::cuda {

/// What is the same for all parameters of an update, worked out once on the host, in double.
template <class Compute>
struct AdamWFactors {
    Compute scale;
    Compute beta1;
    Compute beta2;
    Compute rest1;
    Compute rest2;
    Compute decay;
    Compute step;
    Compute correction2;
    Compute epsilon;

    template <class Request>
    [[nodiscard]] static AdamWFactors of(const Request& request) {
        const auto update = static_cast<double>(request.update);
        const auto as = [](double value) { return static_cast<Compute>(value); };
        return {.scale = as(request.gradient_scale),
                .beta1 = as(request.beta1),
                .beta2 = as(request.beta2),
                .rest1 = as(1 - request.beta1),
                .rest2 = as(1 - request.beta2),
                .decay = as(request.rate * request.decay),
                .step = as(request.rate / (1 - std::pow(request.beta1, update))),
                .correction2 = as(1 / (1 - std::pow(request.beta2, update))),
                .epsilon = as(request.epsilon)};
    }
};

/// One parameter with its moments.
template <class Compute>
struct AdamWState {
    Compute parameter;
    Compute first_moment;
    Compute second_moment;
};

template <class Compute>
[[nodiscard]] LAMINA_HOST_DEVICE AdamWState<Compute> adamw_updated(AdamWState<Compute> state, Compute gradient,
                                                                   const AdamWFactors<Compute>& factors) {
    const Compute scaled = factors.scale * gradient;
    state.first_moment = factors.beta1 * state.first_moment + factors.rest1 * scaled;
    state.second_moment = factors.beta2 * state.second_moment + factors.rest2 * (scaled * scaled);
    const Compute root = std::sqrt(state.second_moment * factors.correction2);
    const Compute change = factors.step * state.first_moment / (root + factors.epsilon);
    // Not (1 - decay) · p: next to 1, a small decay would lose most of its digits.
    state.parameter -= factors.decay * state.parameter + change;
    return state;
}

namespace detail {

template <unsigned Width, class Parameter, class Gradient, class Moment>
__global__ void __launch_bounds__(element_threads)
    adamw_kernel(std::size_t packs, Parameter* parameter, const Gradient* gradient, Moment* first_moment,
                 Moment* second_moment, AdamWFactors<ComputeOf<Parameter>> factors) {
    using Compute = ComputeOf<Parameter>;
    for (std::size_t i = first_element(); i < packs; i += element_step()) {
        auto p = load_pack<Width>(parameter + i * Width);
        const auto g = load_pack<Width>(gradient + i * Width);
        auto m = load_pack<Width>(first_moment + i * Width);
        auto v = load_pack<Width>(second_moment + i * Width);
#pragma unroll
        for (unsigned k = 0; k < Width; ++k) {
            const AdamWState<Compute> state = adamw_updated(
                {converted<Compute>(p.values[k]), converted<Compute>(m.values[k]), converted<Compute>(v.values[k])},
                converted<Compute>(g.values[k]), factors);
            p.values[k] = converted<Parameter>(state.parameter);
            m.values[k] = converted<Moment>(state.first_moment);
            v.values[k] = converted<Moment>(state.second_moment);
        }
        store_pack(parameter + i * Width, p);
        store_pack(first_moment + i * Width, m);
        store_pack(second_moment + i * Width, v);
    }
}

}  // namespace detail

template <class Parameter, class Gradient, class Moment>
void execute(Context& context, const AdamWUpdate<Parameter, Gradient, Moment>& request) {
    const auto factors = AdamWFactors<ComputeOf<Parameter>>::of(request);
    constexpr unsigned width = pack_width<Parameter, Gradient, Moment>;
    Parameter* const parameter = request.parameter.data;
    const Gradient* const gradient = request.gradient.data;
    Moment* const first_moment = request.first_moment.data;
    Moment* const second_moment = request.second_moment.data;
    const bool aligned = starts_pack<width>(parameter) && starts_pack<width>(gradient) &&
                         starts_pack<width>(first_moment) && starts_pack<width>(second_moment);
    const std::size_t count = request.parameter.size();
    const std::size_t packs = aligned ? count / width : 0;
    launch(context.stream(), "AdamWUpdate", shape_for_elements(context, packs),
           detail::adamw_kernel<width, Parameter, Gradient, Moment>, packs, parameter, gradient, first_moment,
           second_moment, factors);
    const std::size_t done = packs * width;
    launch(context.stream(), "AdamWUpdate", shape_for_elements(context, count - done),
           detail::adamw_kernel<1, Parameter, Gradient, Moment>, count - done, parameter + done, gradient + done,
           first_moment + done, second_moment + done, factors);
}

}  // namespace lamina::cuda
