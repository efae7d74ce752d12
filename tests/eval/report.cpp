// SPDX-License-Identifier: MIT
#include <lamina/eval/report.hpp>

#include "support/catch.hpp"

using namespace lamina::eval;

namespace {

// The published rows of GPT-2 small, and its groups.
ResultValues published_small() {
    return {.label = "small baseline",
            .values = {{"pile10k/loss", 2.7926},
                       {"pile10k/perplexity", 16.32},
                       {"hellaswag/acc", 0.2880},
                       {"hellaswag/acc_norm", 0.3124},
                       {"mmlu/acc", 0.2292},
                       {"mmlu_humanities/acc", 0.2419},
                       {"mmlu_stem/acc", 0.2125},
                       {"mmlu_social_sciences/acc", 0.2168},
                       {"mmlu_other/acc", 0.2391},
                       {"mmlu_anatomy/acc", 0.1926}}};
}

Results removed() {
    Results results{.label = "small, LN removed"};
    results.pile = LossSummary{.mean = 3.2535, .perplexity = 25.88, .median = 2.5, .tokens = 2046};
    results.pile->ranges = {{{0.5, 1, 4}, {0.9, 0.5, 8}, {0.95, 0.25, 9}, {0.99, 0.125, 12}}};
    results.tasks = {{.name = "hellaswag",
                      .metrics = {{.name = "acc", .measured = {0.2774, 0.0045, 10042}},
                                  {.name = "acc_norm", .measured = {0.2916, 0.0045, 10042}}}},
                     {.name = "piqa", .metrics = {{.name = "acc", .measured = {0.5, std::nullopt, 1}}}}};
    results.groups = {{.name = "mmlu", .metrics = {{.name = "acc", .measured = {0.2304, 0.0035, 14042}}}}};
    return results;
}

}  // namespace

TEST_CASE("a model's results are laid out as the published table, MMLU's groups below") {
    CHECK(results_markdown(std::vector{published_small()}) ==
          "| model          | Pile-10k loss |   PPL | HellaSwag acc | acc_norm |   MMLU |\n"
          "| -------------- | ------------: | ----: | ------------: | -------: | -----: |\n"
          "| small baseline |        2.7926 | 16.32 |        0.2880 |   0.3124 | 0.2292 |\n"
          "\n"
          "| model          | MMLU humanities |   stem | social |  other |\n"
          "| -------------- | --------------: | -----: | -----: | -----: |\n"
          "| small baseline |          0.2419 | 0.2125 | 0.2168 | 0.2391 |\n");
}

TEST_CASE("with a baseline, differences follow, and other tasks come last") {
    ResultValues baseline = published_small();
    std::erase_if(baseline.values, [](const auto& value) { return value.first.starts_with("mmlu"); });
    CHECK(results_markdown(std::vector{baseline, values_of(removed())}) ==
          "| model             | Pile-10k loss | Δ Pile-10k loss |   PPL | Δ PPL | HellaSwag acc | Δ HellaSwag acc | "
          "acc_norm | Δ acc_norm |   MMLU | Δ MMLU | piqa acc | Δ piqa acc |\n"
          "| ----------------- | ------------: | --------------: | ----: | ----: | ------------: | --------------: | "
          "-------: | ---------: | -----: | -----: | -------: | ---------: |\n"
          "| small baseline    |        2.7926 |                 | 16.32 |       |        0.2880 |                 | "
          "  0.3124 |            |        |        |          |            |\n"
          "| small, LN removed |        3.2535 |         +0.4609 | 25.88 | +9.56 |        0.2774 |         -0.0106 | "
          "  0.2916 |    -0.0208 | 0.2304 |        |   0.5000 |            |\n");
}

TEST_CASE("differences of other questions are left out, and a line says of which") {
    ResultValues baseline = values_of(removed());
    baseline.label = "baseline";
    const Results now = removed();
    Results fewer = now;
    fewer.tasks[0].few_shot = 5;
    const std::string same = results_markdown(std::vector{baseline, values_of(now)});
    CHECK(same.find("Δ HellaSwag acc") != std::string::npos);
    CHECK(same.find("No differences") == std::string::npos);
    const std::string other = results_markdown(std::vector{baseline, values_of(fewer)});
    CHECK(other.find("Δ Pile-10k loss") != std::string::npos);
    CHECK(other.find("Δ piqa acc") != std::string::npos);
    CHECK(other.find("Δ HellaSwag acc") == std::string::npos);
    CHECK(
        other.ends_with("|\n\nNo differences, since the numbers of examples or items differ: hellaswag/acc, "
                        "hellaswag/acc_norm.\n"));
    baseline.asked.clear();
    CHECK(results_markdown(std::vector{baseline, values_of(fewer)}).find("No differences") == std::string::npos);
}

TEST_CASE("a model without results has no table") {
    CHECK(results_markdown(std::vector<ResultValues>{{.label = "m", .values = {}}}).empty());
}

TEST_CASE("every metric is listed with its standard error, and losses with their ranges") {
    CHECK(details_markdown(removed()) ==
          "| metric              |   value | stderr | items |\n"
          "| ------------------- | ------: | -----: | ----: |\n"
          "| pile10k loss        |  3.2535 |        |  2046 |\n"
          "| pile10k perplexity  | 25.8800 |        |  2046 |\n"
          "| pile10k median loss |  2.5000 |        |  2046 |\n"
          "| hellaswag acc       |  0.2774 | 0.0045 | 10042 |\n"
          "| hellaswag acc_norm  |  0.2916 | 0.0045 | 10042 |\n"
          "| piqa acc            |  0.5000 |        |     1 |\n"
          "| mmlu acc            |  0.2304 | 0.0035 | 14042 |\n"
          "\n"
          "| tokens      | loss from |      to |\n"
          "| ----------- | --------: | ------: |\n"
          "| middle 50 % |    1.0000 |  4.0000 |\n"
          "| middle 90 % |    0.5000 |  8.0000 |\n"
          "| middle 95 % |    0.2500 |  9.0000 |\n"
          "| middle 99 % |    0.1250 | 12.0000 |\n");
}
