// SPDX-License-Identifier: MIT
#include "report.hpp"

#include "../common/loss_chart.hpp"

#include <lamina/io/atomic_file.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/results_table.hpp>
#include <lamina/removal/schedule.hpp>

#include <cmath>
#include <fstream>
#include <limits>
#include <vector>

namespace remove_layernorm {

namespace {

using lamina::io::Json;

/// Losses on held-out text before and after a phase.
struct Ends {
    double before, after;
};

/// One curve between its ends, and the marks of the removal events on it.
void read_curve(const std::filesystem::path& path, const std::string& label, Ends ends, common::LossChart& chart) {
    std::ifstream lines(path);
    common::LossSeries series{.label = label, .points = {}, .held_out = {{0, ends.before}}};
    for (std::string line; std::getline(lines, line);) {
        const Json metrics = Json::parse(line);
        const double step = metrics.at("step").get<double>();
        const Json& loss = metrics.at("loss");
        series.points.push_back({step, loss.is_null() ? std::numeric_limits<double>::quiet_NaN() : loss.get<double>()});
        // Held-out text is scored after the update, so as the next step finds the model.
        if (const Json held_out = metrics.value("heldout_loss", Json()); !held_out.is_null())
            series.held_out.push_back({step + 1, held_out.get<double>()});
        for (const Json& event : metrics.value("events", Json::array())) {
            chart.marks.push_back({step, event.at("kind").get<std::size_t>(), event.at("name").get<std::string>()});
        }
    }
    if (series.points.empty()) return;
    const double steps = series.points.back().step + 1;
    if (series.held_out.back().step != steps) series.held_out.push_back({steps, ends.after});
    chart.series.push_back(std::move(series));
}

/// From the first norm that went to the last; events after it, of tokens that were treated apart, do not count.
common::ChartStretch norms_go(const std::vector<common::ChartMark>& marks) {
    common::ChartStretch stretch{marks.front().step, marks.front().step, {}};
    for (const common::ChartMark& mark : marks) {
        if (mark.kind <= static_cast<std::size_t>(lamina::RemovalKind::ln_f)) stretch.last = mark.step;
    }
    stretch.label = "norms go, steps " + std::to_string(static_cast<long>(stretch.first)) + " to " +
                    std::to_string(static_cast<long>(stretch.last));
    return stretch;
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

    common::LossChart chart{.title = "LayerNorm removal, " + job.options.model, .series = {}, .smoothing = 5};
    for (const lamina::RemovalKind kind : lamina::removal_order) {
        chart.mark_kinds.emplace_back(lamina::name(kind));
    }
    read_curve(metric_path(job, "removal"), "norms removed", {results.pretrained, results.removed}, chart);
    if (results.control) {
        read_curve(metric_path(job, "control"), "norms kept (control)", {results.pretrained, *results.control}, chart);
    }
    if (!chart.marks.empty()) chart.stretches.push_back(norms_go(chart.marks));
    common::write_loss_chart(job.out / "loss.svg", chart);
}

}  // namespace remove_layernorm
