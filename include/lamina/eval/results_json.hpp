// SPDX-License-Identifier: MIT
// Results as JSON in the schema of lm-evaluation-harness, and the values of such a file, its own ones included.
#pragma once

#include <lamina/eval/loss_summary.hpp>
#include <lamina/eval/results.hpp>

#include <lamina/io/json_file.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace lamina::eval {

/// Metrics of one model under "TASK/METRIC", such as "hellaswag/acc_norm", "mmlu_stem/acc" and "pile10k/loss".
struct ResultValues {
    std::string label;  ///< of the model
    std::map<std::string, double> values;
    /// For each task or group that tells: its tasks, with their examples before each question and their items. Metrics
    /// of tasks and groups whose entries differ are of different questions.
    std::map<std::string, std::string> asked = {};

    [[nodiscard]] std::optional<double> find(const std::string& key) const {
        const auto found = values.find(key);
        return found == values.end() ? std::nullopt : std::optional(found->second);
    }
};

namespace detail {

/// Fills the parts of the file that have an entry for each task.
class ResultsWriter {
public:
    explicit ResultsWriter(const Results& results) : results_(results) {
        for (const std::string_view part : {"results", "groups", "group_subtasks", "configs", "versions", "n-shot",
                                            "higher_is_better", "n-samples"}) {
            json_[part] = io::Json::object();
        }
        if (results.pile) pile(*results.pile);
        for (const TaskResult& task : results.tasks) {
            if (!is_member(task.name)) add(task.name, 0);
        }
        for (const GroupResult& group : results.groups) {
            if (!is_member(group.name)) add(group.name, 0);
        }
        if (json_["groups"].empty()) json_.erase("groups");
        json_["model_name"] = results.label;
    }

    [[nodiscard]] io::Json take() { return std::move(json_); }

private:
    [[nodiscard]] bool is_member(const std::string& name) const {
        return std::any_of(results_.groups.begin(), results_.groups.end(), [&name](const GroupResult& group) {
            return std::find(group.members.begin(), group.members.end(), name) != group.members.end();
        });
    }

    /// A task, or a group and below it its members, whose aliases are set in.
    void add(const std::string& name, std::size_t depth) {
        for (const TaskResult& task : results_.tasks) {
            if (task.name == name) add_task(task, depth);
        }
        for (const GroupResult& group : results_.groups) {
            if (group.name != name) continue;
            json_["results"][name] = json_["groups"][name] = values_of(group, depth);
            json_["group_subtasks"][name] = group.members;
            json_["versions"][name] = group.version;
            json_["higher_is_better"][name] = directions_of(group);
            for (const std::string& member : group.members) add(member, depth + 1);
        }
    }

    void add_task(const TaskResult& task, std::size_t depth) {
        json_["results"][task.name] = values_of(task, depth);
        if (depth == 0) json_["group_subtasks"][task.name] = io::Json::array();
        json_["configs"][task.name] = {{"task", task.name},
                                       {"output_type", "multiple_choice"},
                                       {"num_fewshot", task.few_shot},
                                       {"metadata", {{"version", task.version}}}};
        json_["versions"][task.name] = task.version;
        json_["n-shot"][task.name] = task.few_shot;
        json_["higher_is_better"][task.name] = directions_of(task);
        const std::size_t asked = task.metrics.empty() ? 0 : task.metrics.front().measured.items;
        json_["n-samples"][task.name] = {{"original", task.available}, {"effective", asked}};
    }

    /// No task of the harness: its metrics are those of the original's evaluation, and its items are tokens.
    void pile(const LossSummary& losses) {
        const std::string name = "pile10k";
        json_["results"][name] = {{"alias", name},
                                  {"loss,none", losses.mean},
                                  {"loss_stderr,none", "N/A"},
                                  {"perplexity,none", losses.perplexity},
                                  {"perplexity_stderr,none", "N/A"},
                                  {"median,none", losses.median},
                                  {"median_stderr,none", "N/A"}};
        json_["group_subtasks"][name] = io::Json::array();
        json_["versions"][name] = 1.0;
        json_["n-shot"][name] = 0;
        json_["higher_is_better"][name] = {{"loss", false}, {"perplexity", false}, {"median", false}};
        json_["n-samples"][name] = {{"original", losses.tokens}, {"effective", losses.tokens}};
        io::Json ranges = io::Json::array();
        for (const LossRange& range : losses.ranges) {
            ranges.push_back({{"share", range.share}, {"low", range.low}, {"high", range.high}});
        }
        json_["token_losses"] = {{"ranges", std::move(ranges)}};
    }

    template <class Entry>
    [[nodiscard]] static io::Json values_of(const Entry& entry, std::size_t depth) {
        const std::string& alias = entry.alias.empty() ? entry.name : entry.alias;
        io::Json values{{"alias", depth == 0 ? alias : std::string(depth, ' ') + "- " + alias}};
        for (const MetricResult& metric : entry.metrics) {
            const std::optional<double>& error = metric.measured.standard_error;
            values[metric.name + ",none"] = metric.measured.value;
            values[metric.name + "_stderr,none"] = error ? io::Json(*error) : io::Json("N/A");
        }
        return values;
    }

    template <class Entry>
    [[nodiscard]] static io::Json directions_of(const Entry& entry) {
        io::Json directions = io::Json::object();
        for (const MetricResult& metric : entry.metrics) directions[metric.name] = true;
        return directions;
    }

    const Results& results_;
    io::Json json_ = io::Json::object();
};

}  // namespace detail

/// The results in the harness's schema, with "config" as it is given: "model", "model_args", "limit" and the like.
/// Pile-10k, which the harness does not have, is a task "pile10k"; ranges of its losses are in "token_losses".
///
/// source  lm-evaluation-harness 0.4.11, evaluator.py; docs/evaluation.md, "Results"
[[nodiscard]] inline io::Json results_json(const Results& results, io::Json config = io::Json::object()) {
    io::Json json = detail::ResultsWriter(results).take();
    json["config"] = std::move(config);
    return json;
}

namespace detail {

/// "mmlu_anatomy: 5 examples, 135 items; " for a task, and for a group what its members are asked; empty where a count
/// is missing, or groups are nested more than four deep.
[[nodiscard]] inline std::string what_is_asked(const io::Json& results, const std::string& task, int depth = 0) {
    const auto at = [&results](const char* part, const std::string& name) {
        const auto found = results.find(part);
        if (found == results.end() || !found->is_object() || !found->contains(name)) return io::Json();
        return (*found)[name];
    };
    const io::Json members = at("group_subtasks", task);
    std::set<std::string> parts;
    if (members.is_array() && !members.empty() && depth < 4) {
        for (const io::Json& member : members) {
            if (member.is_string()) parts.insert(what_is_asked(results, member.get<std::string>(), depth + 1));
        }
        if (parts.contains("")) return "";
        return std::accumulate(parts.begin(), parts.end(), std::string());
    }
    const io::Json shots = at("n-shot", task);
    const io::Json samples = at("n-samples", task);
    if (!shots.is_number_integer() || !samples.is_object() || !samples.contains("effective")) return "";
    const io::Json& items = samples["effective"];
    if (!items.is_number_integer()) return "";
    return task + ": " + shots.dump() + " examples, " + items.dump() + " items; ";
}

/// The values of a file, or of what is to become one.
[[nodiscard]] inline ResultValues values_in(const io::JsonObject& file, const io::Json& json, const std::string& name) {
    ResultValues found{.label = file.optional<std::string>("model_name").value_or(name), .values = {}};
    const io::JsonObject tasks = file.object("results");
    for (const std::string& task : tasks.keys()) {
        const io::JsonObject metrics = tasks.object(task);
        for (const std::string& key : metrics.keys()) {
            const std::string metric = key.substr(0, key.find(','));
            if (metric == key || metric.ends_with("_stderr")) continue;
            const io::Json& value = metrics.json(key);
            if (value.is_number()) found.values.emplace(task + "/" + metric, value.get<double>());
        }
        std::string asked = what_is_asked(json, task);
        if (!asked.empty()) found.asked.emplace(task, std::move(asked));
    }
    return found;
}

}  // namespace detail

/// The metrics of a model as they would be read back from its file, and those that are not finite.
[[nodiscard]] inline ResultValues values_of(const Results& results) {
    const io::Json json = results_json(results);
    return detail::values_in(io::JsonObject(results.label, "", json), json, results.label);
}

/// The metrics in a file of this schema, written by lamina or by the harness. Standard errors, and what is no number,
/// such as "N/A" or a null, are passed over; of several filters the first one counts. The label is "model_name", or
/// else the name of the file.
///
/// errors  FileError naming the field when the file is something else, or has no metric; and the line when it is not
///         JSON, which Python's literals NaN and Infinity are not
[[nodiscard]] inline ResultValues read_results(const std::filesystem::path& path) {
    const io::JsonFile file(path);
    ResultValues found = detail::values_in(file.object(), file.json(), path.filename().string());
    if (found.values.empty()) throw FileError(path.string(), "field \"results\" has no metric, such as \"acc,none\"");
    return found;
}

}  // namespace lamina::eval
