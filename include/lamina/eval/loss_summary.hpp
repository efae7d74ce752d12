// SPDX-License-Identifier: MIT
// LossSummary: what is reported of the losses of a text.
#pragma once

#include <lamina/eval/statistics.hpp>

#include <lamina/core/error.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lamina::eval {

/// The middle part of all losses.
struct LossRange {
    double share = 0;  ///< of the tokens
    double low = 0;
    double high = 0;
};

/// What is reported of the losses of a text.
struct LossSummary {
    double mean = 0;  ///< nats per token
    double perplexity = 1;
    double median = 0;
    std::array<LossRange, 4> ranges{};  ///< of 50, 90, 95 and 99 % of the tokens
    std::size_t tokens = 0;
};

/// errors  ArgumentError when there are no losses
/// cost    a sort
[[nodiscard]] inline LossSummary summarise(std::vector<float> losses) {
    if (losses.empty()) throw ArgumentError("lamina: summarise: no losses, expected at least one");
    double sum = 0;
    for (const float loss : losses) sum += static_cast<double>(loss);
    std::sort(losses.begin(), losses.end());
    const std::span<const float> sorted(losses);
    LossSummary summary{};
    summary.tokens = losses.size();
    summary.mean = sum / static_cast<double>(losses.size());
    summary.perplexity = std::exp(summary.mean);
    summary.median = quantile(sorted, 0.5);
    constexpr std::array shares{0.5, 0.9, 0.95, 0.99};
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const double outside = (1 - shares[i]) / 2;
        summary.ranges[i] = {
            .share = shares[i], .low = quantile(sorted, outside), .high = quantile(sorted, 1 - outside)};
    }
    return summary;
}

}  // namespace lamina::eval
