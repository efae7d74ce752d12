// SPDX-License-Identifier: MIT
#include <lamina/eval/results.hpp>

#include <lamina/io/json_file.hpp>

#include "support.hpp"
#include "support/catch.hpp"

#include <cmath>

using namespace lamina::eval;

namespace {

TaskResult subject(const std::string& name, const Measured& acc) {
    return {.name = "mmlu_" + name, .alias = name, .metrics = {{.name = "acc", .measured = acc}}};
}

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

}  // namespace

TEST_CASE("all metrics of a task are measured in their order") {
    const std::vector<Question> questions{{.context = "", .choices = {"aaaa", "b"}, .gold = 1}};
    const std::vector<Answer> answers{{{.log_probability = -4}, {.log_probability = -2}}};
    const auto results = measure_all(questions, answers, std::vector{Metric::acc_norm, Metric::acc});
    REQUIRE(results.size() == 2);
    CHECK(results[0].name == "acc_norm");
    CHECK(results[0].measured.value == 0);
    CHECK(results[1].name == "acc");
    CHECK(results[1].measured.value == 1);
}

TEST_CASE("MMLU's groups are made of the subjects that there are") {
    const std::vector<TaskResult> tasks{subject("anatomy", {0.25, 0.1, 4}),
                                        {.name = "hellaswag", .metrics = {{.name = "acc", .measured = {1, 0.5, 9}}}},
                                        subject("virology", {0.5, 0.1, 4}),
                                        subject("astronomy", {0.75, 0.1, 8})};
    const auto groups = mmlu_group_results(tasks);
    REQUIRE(groups.size() == 3);
    CHECK(groups[0].name == "mmlu");
    CHECK(groups[0].members == std::vector<std::string>{"mmlu_other", "mmlu_stem"});
    CHECK(groups[0].version == 2);
    CHECK(groups[0].metrics[0].measured.value == 9.0 / 16);
    CHECK(groups[0].metrics[0].measured.items == 16);
    CHECK(groups[1].name == "mmlu_other");
    CHECK(groups[1].members == std::vector<std::string>{"mmlu_virology"});
    CHECK(groups[2].members == std::vector<std::string>{"mmlu_anatomy", "mmlu_astronomy"});
    CHECK(groups[2].metrics[0].name == "acc");
    CHECK(groups[2].metrics[0].measured.value == 7.0 / 12);
    CHECK(mmlu_group_results(std::span(tasks).subspan(1, 1)).empty());
}

TEST_CASE("MMLU's groups of the published subjects are the published groups", "[text]") {
    const std::filesystem::path path = lamina_tests::shared("reference/results.json");
    if (!std::filesystem::exists(path)) LAMINA_SKIP("there is no " + path.string());
    const lamina::io::Json file = lamina::io::read_json(path);
    for (const lamina::io::Json& record : file["records"]) {
        const lamina::io::Json& published = record["metrics"];
        std::vector<TaskResult> tasks;
        for (const MmluSubject& entry : mmlu_subjects) {
            // Published to four decimals, which is enough to tell how many of the questions were right.
            const std::string name(entry.name);
            const auto questions = static_cast<double>(entry.test_questions);
            const double right = std::round(published["mmlu_" + name + "/acc"].get<double>() * questions);
            const double acc = right / questions;
            tasks.push_back(subject(name, {acc, std::sqrt(acc * (1 - acc) / (questions - 1)), entry.test_questions}));
            CHECK(rounded(acc) == published["mmlu_" + name + "/acc"].get<double>());
        }
        for (const GroupResult& group : mmlu_group_results(tasks)) {
            INFO(record["label"] << " " << group.name);
            CHECK(rounded(group.metrics[0].measured.value) == published[group.name + "/acc"].get<double>());
            CHECK(rounded(group.metrics[0].measured.standard_error.value()) ==
                  published[group.name + "/acc_stderr"].get<double>());
        }
    }
}
