// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <lamina/io/json_file.hpp>

#include <array>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string_view>

namespace train_step {

namespace {

/// FLOP/s of dense bf16 products by the data sheet, where the name is known.
std::optional<double> bf16_peak(std::string_view device) {
    struct Peak {
        std::string_view part;
        double flops;
    };
    // The PCIe and NVL cards of the same names have other clocks.
    if (device.find("PCIe") != std::string_view::npos || device.find("NVL") != std::string_view::npos) return {};
    constexpr std::array peaks{Peak{"H200", 989e12}, Peak{"H100", 989e12}, Peak{"A100", 312e12}};
    for (const Peak& peak : peaks) {
        if (device.find(peak.part) != std::string_view::npos) return peak.flops;
    }
    return {};
}

double tokens_per_step(const Request& request, const Measured& measured) {
    return static_cast<double>(request.accumulation * measured.facts.extent.tokens());
}

/// FLOP of an optimiser step by the model of the plan.
double flops_per_step(const Request& request, const Measured& measured) {
    return static_cast<double>(request.accumulation) * measured.facts.flops_per_micro_batch + measured.facts.flops_once;
}

double mfu(const Request& request, const Measured& measured, double peak) {
    return measured.facts.mfu_flops_per_token * tokens_per_step(request, measured) / measured.whole.median() / peak;
}

/// GFLOP/s on the CPU, where the best product is known; TFLOP/s without it.
void print_part(const char* what, const bench::Sample& seconds, double operations, double best_product) {
    const double rate = operations / seconds.median();
    if (best_product > 0) {
        std::printf("  %-14s %8.2f s   (%.2f to %.2f)   %7.2f TFLOP   %6.1f GFLOP/s   %3.0f %%\n", what,
                    seconds.median(), seconds.least(), seconds.most(), operations / 1e12, rate / 1e9,
                    100 * rate / best_product);
    } else {
        std::printf("  %-14s %8.4f s   (%.4f to %.4f)   %8.2f TFLOP   %6.1f TFLOP/s\n", what, seconds.median(),
                    seconds.least(), seconds.most(), operations / 1e12, rate / 1e12);
    }
}

std::string utc_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S+00:00", &parts);
    return text.data();
}

}  // namespace

void print_report(const Request& request, const Measured& measured) {
    const Facts& facts = measured.facts;
    if (!measured.whole.empty()) {
        const double passes = static_cast<double>(request.accumulation) * facts.flops_per_micro_batch;
        std::printf("optimiser step                (range)                    by the FLOP model%s\n",
                    measured.best_product > 0 ? "       of the best product" : "");
        print_part("micro-batches", measured.micro_batches, passes, measured.best_product);
        print_part("once per step", measured.once, facts.flops_once, measured.best_product);
        print_part("together", measured.whole, flops_per_step(request, measured), measured.best_product);
        const double tokens = tokens_per_step(request, measured);
        std::printf("tokens/s: %.1f   (%.1f to %.1f)\n", tokens / measured.whole.median(),
                    tokens / measured.whole.most(), tokens / measured.whole.least());
        if (const auto peak = bf16_peak(facts.device)) {
            std::printf("MFU by 6N + 6LCT: %.1f %% of %.0f TFLOP/s\n", 100 * mfu(request, measured, *peak),
                        *peak / 1e12);
        }
    }
    const double peak = static_cast<double>(measured.peak_bytes);
    const double planned = static_cast<double>(facts.plan_bytes);
    std::printf("peak %s memory: %.3f GB, plan %.3f GB, difference %+.1f %%\n",
                request.place.device == common::Device::cpu ? "resident" : "device", peak / 1e9, planned / 1e9,
                100 * (peak / planned - 1));
    if (measured.scratch_bytes > 0) {
        std::printf("scratch of the backend, which the plan does not count: %.3f GB\n",
                    static_cast<double>(measured.scratch_bytes) / 1e9);
    }
    if (measured.outcome != "measured") std::printf("outcome: %s\n", measured.outcome.c_str());
}

void write_json(const std::string& file, const Request& request, const Measured& measured, const std::string& commit) {
    const Facts& facts = measured.facts;
    lamina::io::Json json{{"program", "train_step"},
                          {"size", request.size},
                          {"device", facts.device},
                          {"execution", request.execution},
                          {"precision", facts.precision},
                          {"float_products", request.place.float_products},
                          {"recompute", facts.recompute},
                          {"gradients", facts.gradients},
                          {"tokens_per_step", request.accumulation * facts.extent.tokens()},
                          {"micro_batch", facts.extent.batch},
                          {"sequence", facts.extent.sequence},
                          {"accumulation", request.accumulation},
                          {"seconds", measured.seconds},
                          {"tokens_per_second", nullptr},
                          {"tokens_per_second_p10", nullptr},
                          {"tokens_per_second_p90", nullptr},
                          {"tflops_executed", nullptr},
                          {"mfu_6n", nullptr},
                          {"peak_bytes", measured.peak_bytes},
                          {"plan_bytes", facts.plan_bytes},
                          {"scratch_bytes", measured.scratch_bytes},
                          {"commit", commit},
                          {"date", utc_now()},
                          {"outcome", measured.outcome}};
    if (!measured.whole.empty()) {
        const double tokens = tokens_per_step(request, measured);
        json["tokens_per_second"] = tokens / measured.whole.median();
        // The slowest steps have the lowest rates.
        json["tokens_per_second_p10"] = tokens / measured.whole.quantile(0.9);
        json["tokens_per_second_p90"] = tokens / measured.whole.quantile(0.1);
        json["tflops_executed"] = flops_per_step(request, measured) / measured.whole.median() / 1e12;
        if (const auto peak = bf16_peak(facts.device)) json["mfu_6n"] = mfu(request, measured, *peak);
    }
    lamina::io::write_json(file, json);
}

}  // namespace train_step
