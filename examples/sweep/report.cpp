// SPDX-License-Identifier: MIT
#include "report.hpp"

#include "../common/loss_chart.hpp"

#include <lamina/io/atomic_file.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/results_table.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace sweep {

namespace {

/// What is measured of a run, and what tables and files call it.
struct Measure {
    const char* heading;
    const char* field;
    std::optional<double> Outcome::*value;
};
constexpr std::array measures{
    Measure{"before", "before", &Outcome::before}, Measure{"control", "control", &Outcome::control},
    Measure{"removed", "removed", &Outcome::removed}, Measure{"folded", "folded", &Outcome::folded},
    Measure{"worst on the way", "worst_heldout", &Outcome::worst}};

/// Nothing where there are too few values.
struct Spread {
    std::optional<double> mean;
    std::optional<double> deviation;  ///< of the sample
};

[[nodiscard]] Spread spread_of(const std::vector<double>& values) {
    const auto count = static_cast<double>(values.size());
    if (values.empty()) return {};
    double mean = 0;
    for (const double value : values) mean += value / count;
    if (values.size() == 1) return {mean, std::nullopt};
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    return {mean, std::sqrt(squares / (count - 1))};
}

/// The outcomes of one configuration, one per seed.
[[nodiscard]] std::vector<const Outcome*> outcomes_of(const Sweep& sweep, std::size_t configuration) {
    std::vector<const Outcome*> found;
    for (std::size_t i = 0; i < sweep.points.size(); ++i) {
        if (sweep.points[i].configuration == configuration) found.push_back(&sweep.outcomes[i]);
    }
    return found;
}

[[nodiscard]] std::size_t count_of(const std::vector<const Outcome*>& outcomes, State state) {
    return static_cast<std::size_t>(
        std::count_if(outcomes.begin(), outcomes.end(), [&](const Outcome* one) { return one->state == state; }));
}

[[nodiscard]] Spread spread_of(const std::vector<const Outcome*>& outcomes, const Measure& measure) {
    std::vector<double> values;
    for (const Outcome* const outcome : outcomes) {
        const std::optional<double>& value = outcome->*measure.value;
        if (outcome->state == State::finished && value) values.push_back(*value);
    }
    return spread_of(values);
}

[[nodiscard]] bool any_control(const Sweep& sweep) {
    return std::any_of(sweep.outcomes.begin(), sweep.outcomes.end(),
                       [](const Outcome& outcome) { return outcome.control.has_value(); });
}

/// A value, or null; JSON has no NaN, which is null too.
[[nodiscard]] Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

[[nodiscard]] Json values_of(const Configuration& configuration) {
    Json values = Json::object();
    for (const auto& [flag, value] : configuration) values[flag] = value;
    return values;
}

[[nodiscard]] Json json_of(const Sweep& sweep, std::size_t point) {
    const Point& which = sweep.points[point];
    const Outcome& outcome = sweep.outcomes[point];
    Json json{{"folder", which.name},
              {"values", values_of(sweep.configurations[which.configuration])},
              {"seed", which.seed},
              {"state", name_of(outcome.state)}};
    if (!outcome.reason.empty()) json["reason"] = outcome.reason;
    for (const Measure& measure : measures) {
        if (const auto& value = outcome.*measure.value) json[measure.field] = *value;
    }
    if (outcome.seconds) json["seconds"] = *outcome.seconds;
    return json;
}

[[nodiscard]] Json json_of_configuration(const Sweep& sweep, std::size_t configuration) {
    const std::vector<const Outcome*> outcomes = outcomes_of(sweep, configuration);
    Json json{{"values", values_of(sweep.configurations[configuration])}};
    for (const State state : {State::finished, State::diverged, State::failed, State::waiting}) {
        json[name_of(state)] = count_of(outcomes, state);
    }
    for (const Measure& measure : measures) {
        const Spread spread = spread_of(outcomes, measure);
        if (!spread.mean) continue;
        json[measure.field] = {{"mean", *spread.mean}, {"deviation", optional_json(spread.deviation)}};
    }
    return json;
}

[[nodiscard]] Json results_of(const Sweep& sweep) {
    Json json = json_of(sweep.plan);
    json["configurations"] = Json::array();
    for (std::size_t i = 0; i < sweep.configurations.size(); ++i) {
        json["configurations"].push_back(json_of_configuration(sweep, i));
    }
    json["points"] = Json::array();
    for (std::size_t i = 0; i < sweep.points.size(); ++i) json["points"].push_back(json_of(sweep, i));
    return json;
}

/// The mean over the runs that have a step; where one of them is not finite, neither is the mean.
[[nodiscard]] std::vector<common::LossPoint> mean_curve(const std::vector<const Outcome*>& outcomes,
                                                        std::vector<common::LossPoint> Outcome::*curve) {
    std::map<double, std::pair<double, double>> sums;  // by step: sum and count
    for (const Outcome* const outcome : outcomes) {
        for (const common::LossPoint& point : outcome->*curve) {
            auto& [sum, count] = sums[point.step];
            sum += point.loss;
            count += 1;
        }
    }
    std::vector<common::LossPoint> mean;
    for (const auto& [step, sum] : sums) mean.push_back({step, sum.first / sum.second});
    return mean;
}

[[nodiscard]] common::LossChart chart_of(const Sweep& sweep) {
    common::LossChart chart{.title = "LayerNorm removal, mean over seeds", .series = {}, .smoothing = 5};
    std::optional<double> start;
    for (std::size_t i = 0; i < sweep.configurations.size(); ++i) {
        const std::vector<const Outcome*> outcomes = outcomes_of(sweep, i);
        common::LossSeries series{.label = label_of(sweep.configurations[i]),
                                  .points = mean_curve(outcomes, &Outcome::curve),
                                  .held_out = mean_curve(outcomes, &Outcome::held_out)};
        if (series.points.empty()) continue;
        if (const std::size_t diverged = count_of(outcomes, State::diverged); diverged != 0) {
            series.label += " (" + std::to_string(diverged) + " diverged)";
        }
        if (!start) start = series.points.front().loss;
        chart.series.push_back(std::move(series));
    }
    // A run that diverges goes through thousands of nats, beside which the others would be one line.
    if (start && std::isfinite(*start)) chart.highest_loss = *start + 2;
    return chart;
}

}  // namespace

std::string table_of(const Sweep& sweep) {
    const bool several = sweep.plan.seeds.size() > 1;
    const bool control = any_control(sweep);
    const auto is_shown = [&](const Measure& measure) { return control || measure.value != &Outcome::control; };
    std::vector<lamina::io::ResultsColumn> columns;
    for (const char* const state : {"finished", "diverged", "failed"})
        columns.push_back({.heading = state, .decimals = 0});
    for (const Measure& measure : measures) {
        if (!is_shown(measure)) continue;
        columns.push_back({.heading = measure.heading, .decimals = 4});
        if (several) columns.push_back({.heading = "±", .decimals = 4});
    }
    lamina::io::ResultsTable table("runs", columns);
    for (std::size_t i = 0; i < sweep.configurations.size(); ++i) {
        const std::vector<const Outcome*> outcomes = outcomes_of(sweep, i);
        std::vector<std::optional<double>> row;
        for (const State state : {State::finished, State::diverged, State::failed}) {
            row.emplace_back(static_cast<double>(count_of(outcomes, state)));
        }
        for (const Measure& measure : measures) {
            if (!is_shown(measure)) continue;
            const Spread spread = spread_of(outcomes, measure);
            row.push_back(spread.mean);
            if (several) row.push_back(spread.deviation);
        }
        table.add_row(label_of(sweep.configurations[i]), std::move(row));
    }
    std::string text = table.markdown();
    bool first = true;
    for (std::size_t i = 0; i < sweep.points.size(); ++i) {
        const Outcome& outcome = sweep.outcomes[i];
        if (outcome.state != State::diverged && outcome.state != State::failed) continue;
        text += std::exchange(first, false) ? "\n- " : "- ";
        text += label_of(sweep.configurations[sweep.points[i].configuration]) + ", seed " +
                std::to_string(sweep.points[i].seed) + " " + name_of(outcome.state) + ": " + outcome.reason + "\n";
    }
    return text;
}

void write_report(const Sweep& sweep) {
    lamina::io::write_json(sweep.out / "results.json", results_of(sweep));
    lamina::io::write_file(sweep.out / "table.md", table_of(sweep));
    const common::LossChart chart = chart_of(sweep);
    if (!chart.series.empty()) common::write_loss_chart(sweep.out / "sweep.svg", chart);
}

void recall_divergences(Sweep& sweep) {
    const std::filesystem::path file = sweep.out / "results.json";
    if (!std::filesystem::exists(file)) return;
    const lamina::io::JsonFile results(file);
    for (const lamina::io::JsonObject& before : results.object().objects("points")) {
        if (before.require<std::string>("state") != name_of(State::diverged)) continue;
        const auto folder = before.require<std::string>("folder");
        for (std::size_t i = 0; i < sweep.points.size(); ++i) {
            if (sweep.points[i].name != folder) continue;
            sweep.outcomes[i].state = State::diverged;
            sweep.outcomes[i].reason = before.require<std::string>("reason");
        }
    }
}

}  // namespace sweep
