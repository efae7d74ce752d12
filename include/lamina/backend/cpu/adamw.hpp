// SPDX-License-Identifier: MIT
// The CPU's AdamW update, one pass over parameters, gradients and moments.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/eigen_engine.hpp>

namespace lamina::cpu {

template <class Parameter, class Gradient, class Moment>
void execute(Context& context, const AdamWUpdate<Parameter, Gradient, Moment>& request) {
    using Compute = ComputeOf<Parameter>;
    Parameter* const parameters = request.parameter.data;
    const Gradient* const gradients = request.gradient.data;
    Moment* const first_moments = request.first_moment.data;
    Moment* const second_moments = request.second_moment.data;
    const std::size_t size = request.parameter.size();
    const auto update = static_cast<double>(request.update);
    const auto scale = static_cast<Compute>(request.gradient_scale);
    const auto beta1 = static_cast<Compute>(request.beta1);
    const auto beta2 = static_cast<Compute>(request.beta2);
    const auto rest1 = static_cast<Compute>(1 - request.beta1);
    const auto rest2 = static_cast<Compute>(1 - request.beta2);
    const auto decay = static_cast<Compute>(request.rate * request.decay);
    const auto step = static_cast<Compute>(request.rate / (1 - std::pow(request.beta1, update)));
    const auto correction2 = static_cast<Compute>(1 / (1 - std::pow(request.beta2, update)));
    const auto epsilon = static_cast<Compute>(request.epsilon);

    const auto update_block = [&](std::size_t first, std::size_t count) {
        Block<Compute> first_moment;
        Block<Compute> second_moment;
        Block<Compute> parameter;
        apply(
            first_moment, count, [=](Compute m, Compute g) { return beta1 * m + rest1 * (scale * g); },
            static_cast<const Moment*>(first_moments + first), gradients + first);
        apply(
            second_moment, count, [=](Compute v, Compute g) { return beta2 * v + rest2 * ((scale * g) * (scale * g)); },
            static_cast<const Moment*>(second_moments + first), gradients + first);
        first_moment.store(first_moments + first, count);
        second_moment.store(second_moments + first, count);
        for (std::size_t i = 0; i < count; ++i) second_moment.values[i] *= correction2;
        take_square_roots(second_moment.values, count);
        parameter.load(parameters + first, count);
        for (std::size_t i = 0; i < count; ++i) {
            const Compute change = step * first_moment.values[i] / (second_moment.values[i] + epsilon);
            // Not (1 - decay) · p: next to 1, a small decay would lose most of its digits.
            parameter.values[i] -= decay * parameter.values[i] + change;
        }
        parameter.store(parameters + first, count);
    };
    const std::size_t blocks = (size + block_size - 1) / block_size;
    context.for_each_row(blocks, block_size, [&](std::size_t block, std::size_t) {
        const std::size_t first = block * block_size;
        update_block(first, std::min(block_size, size - first));
    });
}

}  // namespace lamina::cpu
