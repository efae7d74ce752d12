// SPDX-License-Identifier: MIT
#include <lamina/eval/results_json.hpp>

#include "eval/support.hpp"
#include "support/catch.hpp"

#include <limits>

using namespace lamina::eval;
using lamina::io::Json;
using lamina_tests::error_of_file;

namespace {

Results sample() {
    Results results{.label = "small model"};
    results.tasks = {{.name = "mmlu_anatomy",
                      .alias = "anatomy",
                      .few_shot = 5,
                      .available = 135,
                      .metrics = {{.name = "acc", .measured = {0.5, 0.25, 4}}}},
                     {.name = "piqa",
                      .available = 1,
                      .metrics = {{.name = "acc", .measured = {1, std::nullopt, 1}},
                                  {.name = "acc_norm", .measured = {0, std::nullopt, 1}}}}};
    results.groups = mmlu_group_results(results.tasks);
    return results;
}

std::string error_in_results(std::string_view text) { return error_of_file(text, read_results); }

}  // namespace

TEST_CASE("results are written in the harness's schema") {
    const Json expected = Json::parse(R"({
        "results": {
            "piqa": {"alias": "piqa", "acc,none": 1.0, "acc_stderr,none": "N/A", "acc_norm,none": 0.0,
                     "acc_norm_stderr,none": "N/A"},
            "mmlu": {"alias": "mmlu", "acc,none": 0.5, "acc_stderr,none": 0.25},
            "mmlu_stem": {"alias": " - stem", "acc,none": 0.5, "acc_stderr,none": 0.25},
            "mmlu_anatomy": {"alias": "  - anatomy", "acc,none": 0.5, "acc_stderr,none": 0.25}
        },
        "groups": {
            "mmlu": {"alias": "mmlu", "acc,none": 0.5, "acc_stderr,none": 0.25},
            "mmlu_stem": {"alias": " - stem", "acc,none": 0.5, "acc_stderr,none": 0.25}
        },
        "group_subtasks": {"piqa": [], "mmlu": ["mmlu_stem"], "mmlu_stem": ["mmlu_anatomy"]},
        "configs": {
            "piqa": {"task": "piqa", "output_type": "multiple_choice", "num_fewshot": 0, "metadata": {"version": 1.0}},
            "mmlu_anatomy": {"task": "mmlu_anatomy", "output_type": "multiple_choice", "num_fewshot": 5,
                             "metadata": {"version": 1.0}}
        },
        "versions": {"piqa": 1.0, "mmlu": 2.0, "mmlu_stem": 2.0, "mmlu_anatomy": 1.0},
        "n-shot": {"piqa": 0, "mmlu_anatomy": 5},
        "higher_is_better": {"piqa": {"acc": true, "acc_norm": true}, "mmlu": {"acc": true}, "mmlu_stem": {"acc": true},
                             "mmlu_anatomy": {"acc": true}},
        "n-samples": {"piqa": {"original": 1, "effective": 1}, "mmlu_anatomy": {"original": 135, "effective": 4}},
        "model_name": "small model",
        "config": {"model": "lamina", "limit": 4}
    })");
    CHECK(results_json(sample(), {{"model", "lamina"}, {"limit", 4}}).dump(1) == expected.dump(1));
}

TEST_CASE("results of Pile-10k are a task, and ranges beside it") {
    Results results{.label = "m", .pile = LossSummary{.mean = 2, .perplexity = 7.5, .median = 1.5, .tokens = 1023}};
    results.pile->ranges[1] = {.share = 0.9, .low = 0.25, .high = 4};
    const Json json = results_json(results);
    CHECK(json["results"]["pile10k"]["loss,none"].get<double>() == 2.0);
    CHECK(json["results"]["pile10k"]["perplexity,none"].get<double>() == 7.5);
    CHECK(json["results"]["pile10k"]["median,none"].get<double>() == 1.5);
    CHECK(json["higher_is_better"]["pile10k"]["loss"].get<bool>() == false);
    CHECK(json["n-samples"]["pile10k"]["effective"].get<double>() == 1023);
    CHECK(json["token_losses"]["ranges"].size() == 4);
    CHECK(json["token_losses"]["ranges"][1].dump() == R"({"share":0.9,"low":0.25,"high":4.0})");
    CHECK_FALSE(json.contains("groups"));
}

TEST_CASE("the values of written results are read back") {
    Results results = sample();
    results.pile = LossSummary{.mean = 2, .perplexity = std::numeric_limits<double>::infinity(), .tokens = 1};
    const lamina_tests::ScratchFolder folder;
    lamina::io::write_json(folder / "results.json", results_json(results));
    const ResultValues values = read_results(folder / "results.json");
    CHECK(values.label == "small model");
    CHECK(values.values == std::map<std::string, double>{{"mmlu/acc", 0.5},
                                                         {"mmlu_anatomy/acc", 0.5},
                                                         {"mmlu_stem/acc", 0.5},
                                                         {"pile10k/loss", 2},
                                                         {"pile10k/median", 0},
                                                         {"piqa/acc", 1},
                                                         {"piqa/acc_norm", 0}});
    CHECK(values.find("pile10k/loss") == 2.0);
    CHECK(values.find("pile10k/perplexity") == std::nullopt);  // JSON has no infinity
}

TEST_CASE("the harness's own results are read, its filters and group rows too") {
    const lamina_tests::ScratchFolder folder;
    const auto path = lamina_tests::write(folder / "results_2025.json", R"({"results": {
        "gsm8k": {"alias": "gsm8k", "exact_match,strict": 0.25, "exact_match_stderr,strict": 0.01,
                  "exact_match,flexible": 0.5, "bleu,none": "N/A", "ter,none": null},
        "some_tag": {" ": " ", "alias": "some_tag"}}, "config": {"model": "hf"}})");
    const ResultValues values = read_results(path);
    CHECK(values.label == "results_2025.json");
    CHECK(values.values == std::map<std::string, double>{{"gsm8k/exact_match", 0.25}});
}

TEST_CASE("a model's values are those that its file gives back, infinities aside") {
    Results results = sample();
    results.pile = LossSummary{.mean = 2, .perplexity = std::numeric_limits<double>::infinity(), .tokens = 1};
    const lamina_tests::ScratchFolder folder;
    lamina::io::write_json(folder / "results.json", results_json(results));
    const ResultValues read = read_results(folder / "results.json");
    ResultValues made = values_of(results);
    CHECK(made.values.erase("pile10k/perplexity") == 1);
    CHECK(made.label == read.label);
    CHECK(made.values == read.values);
    CHECK(made.asked == read.asked);
    CHECK(made.asked == std::map<std::string, std::string>{{"mmlu", "mmlu_anatomy: 5 examples, 4 items; "},
                                                           {"mmlu_anatomy", "mmlu_anatomy: 5 examples, 4 items; "},
                                                           {"mmlu_stem", "mmlu_anatomy: 5 examples, 4 items; "},
                                                           {"pile10k", "pile10k: 0 examples, 1 items; "},
                                                           {"piqa", "piqa: 0 examples, 1 items; "}});
}

TEST_CASE("counts that a file does not tell, or a group that has itself as a member, are nothing asked") {
    const lamina_tests::ScratchFolder folder;
    const auto path = lamina_tests::write(folder / "results.json", R"({"results": {
        "a": {"acc,none": 1}, "b": {"acc,none": 1}, "c": {"acc,none": 1}, "g": {"acc,none": 1}, "h": {"acc,none": 1}},
        "n-shot": {"a": 0, "b": 0.5, "c": 2}, "n-samples": {"a": {"effective": 3}, "b": {"effective": 3}, "c": 4},
        "group_subtasks": {"a": [], "g": ["g", "a"], "h": ["a", "c"]}})");
    CHECK(read_results(path).asked == std::map<std::string, std::string>{{"a", "a: 0 examples, 3 items; "}});
}

TEST_CASE("a file that holds no results is refused with its field") {
    CHECK(error_in_results("{}") == "items: field \"results\" is missing");
    CHECK(error_in_results("[]").starts_with("items: the whole file is an array, expected an object"));
    CHECK(error_in_results("{\"results\": ").starts_with("items: is not valid JSON: at line 1"));
    CHECK(error_in_results("{\"results\": {}}") == "items: field \"results\" has no metric, such as \"acc,none\"");
    CHECK(error_in_results("{\"results\": {\"a\": {\"alias\": \"a\"}}}") ==
          "items: field \"results\" has no metric, such as \"acc,none\"");
    CHECK(error_in_results("{\"results\": {\"a\": 1}}") == "items: field \"results.a\" is 1, expected an object");
    CHECK(error_in_results("{\"results\": {\"a\": {\"acc,none\": \"N/A\"}}}") ==
          "items: field \"results\" has no metric, such as \"acc,none\"");
    CHECK(error_in_results("{\"results\": {\"a\": {\"acc,none\": NaN}}}")
              .starts_with("items: is not valid JSON: at line 1"));
    CHECK(error_in_results("{\"model_name\": 1, \"results\": {}}") ==
          "items: field \"model_name\" is 1, expected a string");
}
