// SPDX-License-Identifier: MIT
// Learning-rate schedules: plain values that turn the number of an update into its learning rate.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <numbers>

namespace lamina::train {

/// A schedule: `schedule(update)` is the learning rate of that update, counted from 0 in optimiser steps.
template <class Schedule>
concept LearningRate = requires(const Schedule& schedule, std::size_t update) {
    { schedule(update) } -> std::convertible_to<double>;
};

namespace detail {

/// Share of the way from the end of the warm-up to `steps` that lies behind update `update` >= `warmup`; 1 from `steps`
/// on.
constexpr double progress(std::size_t update, std::size_t warmup, std::size_t steps) {
    if (update >= steps) return 1.0;
    return static_cast<double>(update - warmup) / static_cast<double>(steps - warmup);
}

constexpr double warming_up(double peak, std::size_t update, std::size_t warmup) {
    return peak * (static_cast<double>(update) / static_cast<double>(warmup));
}

}  // namespace detail

/// The same rate for every update, after a linear warm-up from 0 if there is one.
struct ConstantRate {
    double peak = 0.0;
    std::size_t warmup = 0;  ///< optimiser steps

    constexpr double operator()(std::size_t update) const {
        return update < warmup ? detail::warming_up(peak, update, warmup) : peak;
    }

    friend constexpr bool operator==(const ConstantRate&, const ConstantRate&) = default;
};

/// Linear warm-up from 0 to `peak`, then a straight line to `minimum` at update `steps`, held from there on.
struct LinearWithMinimum {
    double peak = 0.0;
    double minimum = 0.0;
    std::size_t warmup = 0;  ///< optimiser steps
    std::size_t steps = 0;   ///< optimiser steps, warm-up included

    constexpr double operator()(std::size_t update) const {
        if (update < warmup) return detail::warming_up(peak, update, warmup);
        return peak + detail::progress(update, warmup, steps) * (minimum - peak);
    }

    friend constexpr bool operator==(const LinearWithMinimum&, const LinearWithMinimum&) = default;
};

/// Linear warm-up from 0 to `peak`, then half a cosine down to `minimum` at update `steps`, held from there on.
///
/// With a warm-up the rate of update 0 is exactly 0, so the first update only fills the optimiser's moments.
///
/// source   cosine_with_min_lr of transformers 4.48, whose curve rises again after `steps`, where its trainer has
///          stopped
struct CosineWithMinimum {
    double peak = 0.0;
    double minimum = 0.0;
    std::size_t warmup = 0;  ///< optimiser steps
    std::size_t steps = 0;   ///< optimiser steps, warm-up included

    double operator()(std::size_t update) const {
        if (update < warmup) return detail::warming_up(peak, update, warmup);
        const double fall = 0.5 * (1.0 + std::cos(std::numbers::pi * detail::progress(update, warmup, steps)));
        return minimum + fall * (peak - minimum);
    }

    friend constexpr bool operator==(const CosineWithMinimum&, const CosineWithMinimum&) = default;
};

}  // namespace lamina::train
