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

/// Sequences in an optimiser step of the published recipes, which have 480 to 506 (recipe/fine_tuning.hpp).
inline constexpr double recipe_sequences = 500;

struct Figures {
    double tokens_per_second;  ///< of the median step
    double tokens_per_second_p10;
    double tokens_per_second_p90;
    double tokens_per_second_least;
    double tokens_per_second_most;
    double micro_batch_seconds;          ///< medians: of one micro-batch,
    double once_seconds;                 ///< and of what is done once per step
    double tokens_per_second_of_recipe;  ///< that, spread over as many micro-batches as have recipe_sequences
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
    const double micro_batch = measured.micro_batches.median() / accumulation;
    const double recipe_steps = recipe_sequences / static_cast<double>(facts.extent.batch);
    const double recipe_tokens = recipe_sequences * static_cast<double>(facts.extent.sequence);
    // The slowest steps have the lowest rates.
    Figures figures{
        .tokens_per_second = tokens / seconds.median(),
        .tokens_per_second_p10 = tokens / seconds.quantile(0.9),
        .tokens_per_second_p90 = tokens / seconds.quantile(0.1),
        .tokens_per_second_least = tokens / seconds.most(),
        .tokens_per_second_most = tokens / seconds.least(),
        .micro_batch_seconds = micro_batch,
        .once_seconds = measured.once.median(),
        .tokens_per_second_of_recipe = recipe_tokens / (recipe_steps * micro_batch + measured.once.median()),
        .flops_of_micro_batches = micro_batches,
        .flops_per_step = flops,
        .flops_per_second = flops / seconds.median(),
        .peak = bf16_peak(facts.device),
        .mfu = {}};
    if (figures.peak) figures.mfu = facts.mfu_flops_per_token * figures.tokens_per_second / *figures.peak;
    return figures;
}

}  // namespace train_step
