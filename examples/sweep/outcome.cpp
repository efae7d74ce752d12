// SPDX-License-Identifier: MIT
#include "outcome.hpp"

#include "../common/out_folder.hpp"

#include <lamina/io/json_file.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>

namespace sweep {

namespace {

namespace fs = std::filesystem;
constexpr double not_finite = std::numeric_limits<double>::quiet_NaN();

/// A number of a log, in which null stands for NaN and infinities.
[[nodiscard]] double number(const Json& value) { return value.is_number() ? value.get<double>() : not_finite; }

void note_worst(Outcome& outcome, double loss) {
    const double measured = std::isfinite(loss) ? loss : std::numeric_limits<double>::infinity();
    outcome.worst = std::max(outcome.worst.value_or(measured), measured);
}

/// A run that was killed may have left half a line, and nothing after it.
void read_metrics(const fs::path& file, Outcome& outcome) {
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        const Json metrics = Json::parse(line, nullptr, false);
        if (!metrics.is_object() || !metrics.contains("step")) return;
        const double step = number(metrics["step"]);
        outcome.curve.push_back({step, number(metrics.value("loss", Json()))});
        if (!metrics.contains("heldout_loss")) continue;
        outcome.held_out.push_back({step + 1, number(metrics["heldout_loss"])});
        note_worst(outcome, outcome.held_out.back().loss);
    }
}

}  // namespace

const char* name_of(State state) {
    switch (state) {
        case State::waiting:
            return "waiting";
        case State::finished:
            return "finished";
        case State::diverged:
            return "diverged";
        case State::failed:
            return "failed";
    }
    return "unknown";
}

bool is_finished(const fs::path& folder) { return fs::exists(folder / "results.json"); }

Outcome read_outcome(const fs::path& folder) {
    Outcome outcome;
    read_metrics(folder / "metrics.jsonl", outcome);
    if (!is_finished(folder)) return outcome;
    const lamina::io::JsonFile file(folder / "results.json");
    const lamina::io::JsonObject& results = file.object();
    const auto loss = [&](const char* of) { return number(results.object(of).json("loss")); };
    outcome.state = State::finished;
    outcome.before = loss("pretrained");
    if (results.contains("control")) outcome.control = loss("control");
    outcome.removed = loss("removed");
    outcome.folded = loss("folded");
    outcome.seconds = results.require<double>("seconds");
    if (!outcome.curve.empty()) outcome.held_out.push_back({outcome.curve.back().step + 1, *outcome.removed});
    note_worst(outcome, *outcome.removed);
    return outcome;
}

std::vector<std::string> starting_flags(const fs::path& folder, std::size_t threads) {
    std::vector<std::string> flags;
    if (fs::exists(folder / "run.json")) {
        const std::vector<std::string> names = common::visible_names(folder);
        const bool saved = std::any_of(names.begin(), names.end(),
                                       [](const std::string& name) { return name.starts_with("checkpoint-"); });
        flags.emplace_back(saved ? "--resume" : "--force");
        if (saved) {
            const Json run = lamina::io::read_json(folder / "run.json");
            for (const Json& place : run.value("places", Json::array())) {
                if (place.is_object()) threads = place.value("threads", threads);
            }
        }
    }
    flags.insert(flags.end(), {"--threads", std::to_string(threads)});
    return flags;
}

}  // namespace sweep
