// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <lamina/io/atomic_file.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/loss_chart.hpp>
#include <lamina/io/results_table.hpp>
#include <lamina/train/removal_schedule.hpp>

#include <cmath>
#include <fstream>
#include <limits>
#include <vector>

namespace remove_layernorm {

namespace {

using lamina::io::Json;

/// One curve, and the marks of the removal events on it.
void read_curve(const std::filesystem::path& path, const std::string& label, lamina::io::LossChart& chart) {
    std::ifstream lines(path);
    lamina::io::LossSeries series{.label = label, .points = {}};
    for (std::string line; std::getline(lines, line);) {
        const Json metrics = Json::parse(line);
        const double step = metrics.at("step").get<double>();
        const Json& loss = metrics.at("loss");
        series.points.push_back({step, loss.is_null() ? std::numeric_limits<double>::quiet_NaN() : loss.get<double>()});
        for (const Json& event : metrics.value("events", Json::array())) {
            chart.marks.push_back({step, event.at("kind").get<std::size_t>(), event.at("name").get<std::string>()});
        }
    }
    if (!series.points.empty()) chart.series.push_back(std::move(series));
}

Json state(double loss) { return {{"loss", loss}, {"perplexity", std::exp(loss)}}; }

}  // namespace

std::filesystem::path metric_path(const Job& job, const std::string& phase) {
    return job.out / (phase == "removal" ? "metrics.jsonl" : "metrics-" + phase + ".jsonl");
}

std::string results_table(const Results& results) {
    using lamina::io::Differences;
    lamina::io::ResultsTable table("model", {{.heading = "loss", .decimals = 4, .differences = Differences::shown},
                                             {.heading = "perplexity", .decimals = 2},
                                             {.heading = "LayerNorms", .decimals = 0}});
    const auto before = static_cast<double>(results.layer_norms_before);
    const auto after = static_cast<double>(results.layer_norms_after);
    table.add_row("pretrained", {results.pretrained, std::exp(results.pretrained), before});
    if (results.control)
        table.add_row("control (LoRA, norms kept)", {*results.control, std::exp(*results.control), before});
    table.add_row("LN removed", {results.removed, std::exp(results.removed), after});
    table.add_row("folded", {results.folded, std::exp(results.folded), 0.0});
    return table.markdown();
}

void write_report(const Job& job, const Results& results) {
    Json json{{"model", job.options.model}, {"pretrained", state(results.pretrained)}};
    if (results.control) json["control"] = state(*results.control);
    json["removed"] = state(results.removed);
    json["folded"] = state(results.folded);
    json["folded"]["max_logit_difference"] = results.max_logit_difference;
    json["layer_norms_before"] = results.layer_norms_before;
    json["layer_norms_after"] = results.layer_norms_after;
    json["steps"] = results.steps;
    json["seconds"] = results.seconds;
    lamina::io::write_json(job.out / "results.json", json);
    lamina::io::write_file(job.out / "results.md", results_table(results));

    lamina::io::LossChart chart{.title = "LayerNorm removal, " + job.options.model, .series = {}, .smoothing = 5};
    for (const lamina::train::RemovalKind kind : lamina::train::removal_order) {
        chart.mark_kinds.emplace_back(lamina::train::name(kind));
    }
    read_curve(metric_path(job, "removal"), "norms removed", chart);
    if (results.control) read_curve(metric_path(job, "control"), "control", chart);
    lamina::io::write_loss_chart(job.out / "loss.svg", chart);
}

}  // namespace remove_layernorm
