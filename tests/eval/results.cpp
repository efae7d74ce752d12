// SPDX-License-Identifier: MIT
#include <lamina/eval/results.hpp>

#include "support/catch.hpp"

using namespace lamina::eval;

namespace {

TaskResult subject(const std::string& name, const Measured& acc) {
    return {.name = "mmlu_" + name, .alias = name, .metrics = {{.name = "acc", .measured = acc}}};
}

}  // namespace

TEST_CASE("all metrics of a task are measured in their order") {
    const std::vector<Question> questions{{.context = "", .choices = {"aaaa", "b"}, .gold = 1}};
    const std::vector<Answer> answers{{-4.0, -2.0}};
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
