// SPDX-License-Identifier: MIT
// Results: what an evaluation has measured, task by task, and the groups of MMLU.
#pragma once

#include <lamina/eval/loss_summary.hpp>
#include <lamina/eval/metrics.hpp>
#include <lamina/eval/mmlu_subjects.hpp>
#include <lamina/eval/question.hpp>
#include <lamina/eval/statistics.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::eval {

/// One metric of a task or group; higher is better.
struct MetricResult {
    std::string name;
    Measured measured;
};

/// What one task has come to.
struct TaskResult {
    std::string name;           ///< "mmlu_anatomy"
    std::string alias = {};     ///< shorter, for tables: "anatomy"; empty: the name
    double version = 1;         ///< of the task
    std::size_t few_shot = 0;   ///< examples before each question
    std::size_t available = 0;  ///< items in the file; how many were asked is in each metric
    std::vector<MetricResult> metrics = {};
};

/// Several tasks, or groups of them, as one.
struct GroupResult {
    std::string name;
    std::string alias = {};
    double version = 1;
    std::vector<std::string> members = {};  ///< names of tasks and groups
    std::vector<MetricResult> metrics = {};
};

/// Everything about one model.
struct Results {
    std::string label;                     ///< of the model's row in tables
    std::optional<LossSummary> pile = {};  ///< Pile-10k
    std::vector<TaskResult> tasks = {};
    std::vector<GroupResult> groups = {};
};

/// The metrics of answered questions.
///
/// errors  those of measure
[[nodiscard]] inline std::vector<MetricResult> measure_all(std::span<const Question> questions,
                                                           std::span<const Answer> answers,
                                                           std::span<const Metric> metrics) {
    std::vector<MetricResult> results;
    results.reserve(metrics.size());
    for (const Metric metric : metrics) {
        results.push_back({.name = std::string(name(metric)), .measured = measure(questions, answers, metric)});
    }
    return results;
}

/// Groups of the subjects among `tasks`: "mmlu", of which the others are members, then those of mmlu_groups. One
/// without any subject is left out. "mmlu" is computed from the subjects.
///
/// source  lm-evaluation-harness 0.4.11, tasks/mmlu (version 2 of the groups)
[[nodiscard]] inline std::vector<GroupResult> mmlu_group_results(std::span<const TaskResult> tasks) {
    std::vector<GroupResult> results{{.name = "mmlu", .version = 2}};
    std::vector<Measured> all;
    for (const MmluGroup group : mmlu_groups) {
        GroupResult result{.name = "mmlu_" + std::string(name(group)), .alias = std::string(name(group)), .version = 2};
        std::replace(result.alias.begin(), result.alias.end(), '_', ' ');
        std::vector<Measured> parts;
        for (const MmluSubject& subject : mmlu_subjects) {
            if (subject.group != group) continue;
            const std::string task_name = "mmlu_" + std::string(subject.name);
            for (const TaskResult& task : tasks) {
                if (task.name != task_name) continue;
                result.members.push_back(task_name);
                for (const MetricResult& metric : task.metrics) {
                    if (metric.name == "acc") parts.push_back(metric.measured);
                }
            }
        }
        if (result.members.empty()) continue;
        result.metrics = {{.name = "acc", .measured = pooled(parts)}};
        all.insert(all.end(), parts.begin(), parts.end());
        results.front().members.push_back(result.name);
        results.push_back(std::move(result));
    }
    if (results.size() == 1) return {};
    results.front().metrics = {{.name = "acc", .measured = pooled(all)}};
    return results;
}

}  // namespace lamina::eval
