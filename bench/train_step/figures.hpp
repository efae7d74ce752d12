// SPDX-License-Identifier: MIT
// Figures: what a measurement comes to, by arithmetic alone.
#pragma once

#include "request.hpp"

#include <array>
#include <optional>
#include <string_view>

namespace train_step {

/// FLOP/s of dense bf16 products by the data sheet, where the name is known.
[[nodiscard]] inline std::optional<double> bf16_peak(std::string_view device) {
    struct Peak {
        std::string_view part;
        double flops;
    };
    // These boards of an H100 or H200 have other clocks. An A100's, which calls itself PCIE, has the same peak.
    if (device.find("PCIe") != std::string_view::npos || device.find("NVL") != std::string_view::npos) return {};
    constexpr std::array peaks{Peak{"H200", 989e12}, Peak{"H100", 989e12}, Peak{"A100", 312e12}};
    for (const Peak& peak : peaks) {
        if (device.find(peak.part) != std::string_view::npos) return peak.flops;
    }
    return {};
}

struct Figures {
    double tokens_per_second;  ///< of the median step
    double tokens_per_second_p10;
    double tokens_per_second_p90;
    double tokens_per_second_least;
    double tokens_per_second_most;
    double flops_of_micro_batches;  ///< FLOP of a step by the model of the plan, and what of it is in its micro-batches
    double flops_per_step;
    double flops_per_second;     ///< the same over the median step
    std::optional<double> peak;  ///< of the device's bf16 products, FLOP/s
    std::optional<double> mfu;   ///< of that peak, by 6·N + 6·L·C·T: a fraction
};

/// errors   at least one step must have been measured
[[nodiscard]] inline Figures figures_of(const Request& request, const Measured& measured) {
    const Facts& facts = measured.facts;
    const auto accumulation = static_cast<double>(request.accumulation);
    const double tokens = accumulation * static_cast<double>(facts.extent.tokens());
    const double micro_batches = accumulation * facts.flops_per_micro_batch;
    const double flops = micro_batches + facts.flops_once;
    const bench::Sample& seconds = measured.whole;
    // The slowest steps have the lowest rates.
    Figures figures{.tokens_per_second = tokens / seconds.median(),
                    .tokens_per_second_p10 = tokens / seconds.quantile(0.9),
                    .tokens_per_second_p90 = tokens / seconds.quantile(0.1),
                    .tokens_per_second_least = tokens / seconds.most(),
                    .tokens_per_second_most = tokens / seconds.least(),
                    .flops_of_micro_batches = micro_batches,
                    .flops_per_step = flops,
                    .flops_per_second = flops / seconds.median(),
                    .peak = bf16_peak(facts.device),
                    .mfu = {}};
    if (figures.peak) figures.mfu = facts.mfu_flops_per_token * figures.tokens_per_second / *figures.peak;
    return figures;
}

}  // namespace train_step
