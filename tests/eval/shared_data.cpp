// SPDX-License-Identifier: MIT
// Evaluation on the data beside the repository, with the published numbers and those of the original's libraries. One
// file, because the tokenizer and JSON take long to compile.
#include <lamina/eval/hellaswag.hpp>
#include <lamina/eval/mmlu.hpp>
#include <lamina/eval/pile.hpp>
#include <lamina/eval/request.hpp>
#include <lamina/eval/results.hpp>

#include <lamina/io/json_file.hpp>

#include <lamina/text/gpt2_tokenizer.hpp>

#include "eval/support.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstdint>

using namespace lamina::eval;
using lamina::Token;

namespace {

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

}  // namespace

TEST_CASE("the whole order of Pile-10k is the published one") {
    const std::filesystem::path path = lamina_tests::shared("reference/pile10k_order_seed42.json");
    if (!std::filesystem::exists(path)) LAMINA_SKIP("there is no " + path.string());
    CHECK(numpy_permutation(10'000, 42) == lamina::io::read_json(path)["order"].get<std::vector<std::uint32_t>>());
}

// Tokens and their hash are those of transformers' tokenizer on the rows in datasets' order.
TEST_CASE("a sample of the Pile becomes the tokens that the original's libraries make of it", "[text][heavy]") {
    const std::filesystem::path path = lamina_tests::shared("data/pile/pile_sample.jsonl");
    const std::filesystem::path vocabulary = lamina_tests::shared("data/gpt2");
    if (!std::filesystem::exists(path) || !std::filesystem::exists(vocabulary)) {
        LAMINA_SKIP("there is no " + path.string() + " or no " + vocabulary.string());
    }
    const std::vector<Token> tokens = pile_blocks(path, lamina::text::Gpt2Tokenizer::from_folder(vocabulary));
    CHECK(tokens.size() == 319 * 1024);
    std::uint32_t hash = 0;
    for (const Token token : tokens) hash = hash * 31 + static_cast<std::uint32_t>(token);
    CHECK(hash == 2126489940U);
}

TEST_CASE("the letters of MMLU are one position each to GPT-2", "[text]") {
    const std::filesystem::path folder = lamina_tests::shared("data");
    if (!std::filesystem::exists(folder / "mmlu") || !std::filesystem::exists(folder / "gpt2")) {
        LAMINA_SKIP("there is no MMLU or no vocabulary in " + folder.string());
    }
    const auto tokenizer = lamina::text::Gpt2Tokenizer::from_folder(folder / "gpt2");
    for (const std::string_view subject : {"anatomy", "professional_law"}) {
        for (const Question& question : mmlu_questions(folder / "mmlu", subject, {.limit = 20})) {
            const QuestionRequests made = requests_of(tokenizer, question, 1024);
            REQUIRE(made.requests.size() == 1);
            CHECK(made.requests[0].continuations == std::vector<std::vector<Token>>{{317}, {347}, {327}, {360}});
            HarnessTokens tokens;
            tokens.add(made);
            CHECK(tokens.count() == made.requests[0].context.size());
        }
    }
}

// The numbers are those of the harness's rules with transformers' tokenizer.
TEST_CASE("HellaSwag becomes the tokens that the harness makes of it", "[text]") {
    const std::filesystem::path path = lamina_tests::shared("data/hellaswag/hellaswag_val_original_1000.jsonl");
    const std::filesystem::path vocabulary = lamina_tests::shared("data/gpt2");
    if (!std::filesystem::exists(path) || !std::filesystem::exists(vocabulary)) {
        LAMINA_SKIP("there is no " + path.string() + " or no " + vocabulary.string());
    }
    const auto tokenizer = lamina::text::Gpt2Tokenizer::from_folder(vocabulary);
    HarnessTokens pushed;
    std::uint32_t hash = 0;
    const auto add = [&hash](Token token) { hash = hash * 31 + static_cast<std::uint32_t>(token); };
    for (const Question& question : read_questions<HellaSwag>(path)) {
        const QuestionRequests made = requests_of(tokenizer, question, 1024);
        pushed.add(made);
        for (const QuestionRequests::Place place : made.choices) {
            for (const Token token : made.requests[place.request].context) add(token);
            add(60000);
            for (const Token token : made.requests[place.request].continuations[place.continuation]) add(token);
            add(60001);
        }
    }
    CHECK(pushed.count() == 184604);
    CHECK(hash == 1401447496U);
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
            const Measured measured{acc, std::sqrt(acc * (1 - acc) / (questions - 1)), entry.test_questions};
            tasks.push_back({.name = "mmlu_" + name, .metrics = {{.name = "acc", .measured = measured}}});
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
