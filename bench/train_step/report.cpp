// SPDX-License-Identifier: MIT
#include "report.hpp"
#include "figures.hpp"

#include <lamina/io/json_file.hpp>

#include <array>
#include <ctime>

namespace train_step {

namespace {

std::string utc_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S+00:00", &parts);
    return text.data();
}

}  // namespace

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
                          {"tokens_per_second_of_recipe", nullptr},
                          {"micro_batch_seconds", nullptr},
                          {"once_seconds", nullptr},
                          {"tflops_executed", nullptr},
                          {"mfu_6n", nullptr},
                          {"peak_bytes", measured.peak_bytes},
                          {"plan_bytes", facts.plan_bytes},
                          {"scratch_bytes", measured.scratch_bytes},
                          {"commit", commit},
                          {"date", utc_now()},
                          {"outcome", measured.outcome}};
    if (!measured.whole.empty()) {
        const Figures figures = figures_of(request, measured);
        json["tokens_per_second"] = figures.tokens_per_second;
        json["tokens_per_second_p10"] = figures.tokens_per_second_p10;
        json["tokens_per_second_p90"] = figures.tokens_per_second_p90;
        json["tokens_per_second_of_recipe"] = figures.tokens_per_second_of_recipe;
        json["micro_batch_seconds"] = figures.micro_batch_seconds;
        json["once_seconds"] = figures.once_seconds;
        json["tflops_executed"] = figures.flops_per_second / 1e12;
        if (figures.mfu) json["mfu_6n"] = *figures.mfu;
    }
    lamina::io::write_json(file, json);
}

}  // namespace train_step
