// SPDX-License-Identifier: MIT
// The tables of an evaluation in Markdown, in the published format, and next to another model's.
#pragma once

#include <lamina/eval/results.hpp>
#include <lamina/eval/results_json.hpp>

#include <lamina/io/results_table.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lamina::eval {

/// A column of the tables: the metric, "TASK/METRIC", and how it is shown.
struct ReportColumn {
    std::string key;
    std::string heading;
    int decimals = 4;
};

namespace detail {

/// Whether every model was asked the same for a column, as far as they tell.
[[nodiscard]] inline bool comparable(std::span<const ResultValues> models, const ReportColumn& column) {
    const std::string task = column.key.substr(0, column.key.find('/'));
    const auto first = models.front().asked.find(task);
    if (first == models.front().asked.end()) return true;
    return std::all_of(models.begin(), models.end(), [&](const ResultValues& model) {
        const auto found = model.asked.find(task);
        return found == model.asked.end() || found->second == first->second;
    });
}

/// Those of `columns` that a model has a value for, as a table; empty without any. The first model is the baseline.
[[nodiscard]] inline std::string table_of(std::span<const ResultValues> models, std::span<const ReportColumn> columns) {
    std::vector<ReportColumn> shown;
    std::copy_if(columns.begin(), columns.end(), std::back_inserter(shown), [models](const ReportColumn& column) {
        return std::any_of(models.begin(), models.end(),
                           [&column](const ResultValues& model) { return model.values.contains(column.key); });
    });
    if (shown.empty()) return "";
    std::vector<io::ResultsColumn> headings;
    std::string apart;
    for (const ReportColumn& column : shown) {
        const bool same = comparable(models, column);
        if (!same) apart += (apart.empty() ? "" : ", ") + column.key;
        const auto differences = models.size() > 1 && same ? io::Differences::shown : io::Differences::hidden;
        headings.push_back({.heading = column.heading, .decimals = column.decimals, .differences = differences});
    }
    io::ResultsTable table("model", std::move(headings));
    for (const ResultValues& model : models) {
        std::vector<std::optional<double>> row;
        for (const ReportColumn& column : shown) row.push_back(model.find(column.key));
        table.add_row(model.label, std::move(row));
    }
    if (!apart.empty()) apart = "\nNo differences, since the numbers of examples or items differ: " + apart + ".\n";
    return table.markdown() + apart;
}

}  // namespace detail

/// The published table: Pile-10k loss and perplexity, HellaSwag, MMLU, then the metrics of all other tasks; below it,
/// where there are any, the groups of MMLU. With several models, differences to the first follow each column whose
/// questions are the same for all; a line below names the others.
///
/// source  docs/reproduce.md, "Pile-10k, HellaSwag and MMLU"
[[nodiscard]] inline std::string results_markdown(std::span<const ResultValues> models) {
    std::vector<ReportColumn> columns{{.key = "pile10k/loss", .heading = "Pile-10k loss"},
                                      {.key = "pile10k/perplexity", .heading = "PPL", .decimals = 2},
                                      {.key = "hellaswag/acc", .heading = "HellaSwag acc"},
                                      {.key = "hellaswag/acc_norm", .heading = "acc_norm"},
                                      {.key = "mmlu/acc", .heading = "MMLU"}};
    const std::vector<ReportColumn> groups{{.key = "mmlu_humanities/acc", .heading = "MMLU humanities"},
                                           {.key = "mmlu_stem/acc", .heading = "stem"},
                                           {.key = "mmlu_social_sciences/acc", .heading = "social"},
                                           {.key = "mmlu_other/acc", .heading = "other"}};
    for (const ResultValues& model : models) {
        for (const auto& [key, value] : model.values) {
            const bool known = std::any_of(columns.begin(), columns.end(),
                                           [&key = key](const ReportColumn& column) { return column.key == key; });
            if (known || key.starts_with("mmlu_") || key.starts_with("pile10k/")) continue;
            std::string heading = key;
            std::replace(heading.begin(), heading.end(), '/', ' ');
            columns.push_back({.key = key, .heading = heading});
        }
    }
    const std::string below = detail::table_of(models, groups);
    return detail::table_of(models, columns) + (below.empty() ? "" : "\n" + below);
}

/// One row for each metric of each task and group, with its standard error and how many items (of Pile-10k: tokens)
/// were asked; below it, of a run on Pile-10k, between which losses the middle part of the tokens lies.
[[nodiscard]] inline std::string details_markdown(const Results& results) {
    io::ResultsTable table("metric",
                           {{.heading = "value"}, {.heading = "stderr"}, {.heading = "items", .decimals = 0}});
    const auto add = [&table](const auto& entries) {
        for (const auto& entry : entries) {
            for (const MetricResult& metric : entry.metrics) {
                table.add_row(entry.name + " " + metric.name, {metric.measured.value, metric.measured.standard_error,
                                                               static_cast<double>(metric.measured.items)});
            }
        }
    };
    std::string ranges;
    if (results.pile) {
        const auto tokens = static_cast<double>(results.pile->tokens);
        table.add_row("pile10k loss", {results.pile->mean, std::nullopt, tokens});
        table.add_row("pile10k perplexity", {results.pile->perplexity, std::nullopt, tokens});
        table.add_row("pile10k median loss", {results.pile->median, std::nullopt, tokens});
        io::ResultsTable middle("tokens", {{.heading = "loss from"}, {.heading = "to"}});
        for (const LossRange& range : results.pile->ranges) {
            middle.add_row("middle " + std::to_string(std::lround(100 * range.share)) + " %", {range.low, range.high});
        }
        ranges = "\n" + middle.markdown();
    }
    add(results.tasks);
    add(results.groups);
    return table.markdown() + ranges;
}

}  // namespace lamina::eval
