// SPDX-License-Identifier: MIT
// Means, standard errors and quantiles, as lm-evaluation-harness and numpy compute them.
#pragma once

#include <lamina/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lamina::eval {

/// A mean over items. One item, or none, has no standard error.
struct Measured {
    double value = 0;
    std::optional<double> standard_error;
    std::size_t items = 0;
};

/// The mean, and the sample standard deviation (n - 1) over sqrt(n). Of nothing: 0.
[[nodiscard]] inline Measured mean_of(std::span<const double> values) {
    if (values.empty()) return {};
    const auto n = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
    if (values.size() == 1) return {.value = mean, .standard_error = std::nullopt, .items = 1};
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    return {.value = mean, .standard_error = std::sqrt(squares / (n - 1)) / std::sqrt(n), .items = values.size()};
}

/// Several tasks as one, each with the weight of its items: sum(value_i·n_i) / N, N = sum(n_i), and the pooled standard
/// error sqrt(sum((n_i - 1)·n_i·se_i²) / (N - tasks) / N), none where an se_i is missing.
[[nodiscard]] inline Measured pooled(std::span<const Measured> parts) {
    Measured result{};
    double weighted = 0;
    double variance = 0;
    bool complete = !parts.empty();
    for (const Measured& part : parts) {
        const auto n = static_cast<double>(part.items);
        result.items += part.items;
        weighted += part.value * n;
        complete = complete && part.standard_error.has_value();
        variance += (n - 1) * n * part.standard_error.value_or(0) * part.standard_error.value_or(0);
    }
    if (result.items == 0) return result;
    const auto total = static_cast<double>(result.items);
    result.value = weighted / total;
    if (complete) result.standard_error = std::sqrt(variance / (total - static_cast<double>(parts.size())) / total);
    return result;
}

/// The value below which a share of `sorted` lies, linear between neighbours as numpy.quantile is by default.
///
/// errors  ArgumentError unless there is a value, and 0 <= share <= 1
template <class T>
[[nodiscard]] double quantile(std::span<const T> sorted, double share) {
    if (sorted.empty() || !(share >= 0 && share <= 1)) {  // NaN included
        throw ArgumentError("lamina: quantile: a share of " + std::to_string(share) + " of " +
                            std::to_string(sorted.size()) + " values, expected 0 to 1 of at least one value");
    }
    const double place = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    const auto low = static_cast<double>(sorted[below]);
    return low + (static_cast<double>(sorted[above]) - low) * (place - static_cast<double>(below));
}

}  // namespace lamina::eval
