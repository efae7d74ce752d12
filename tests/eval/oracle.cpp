// SPDX-License-Identifier: MIT
// Evaluation from files to results on a trained model, against lm-evaluation-harness (tests/oracle/README.md).
#include <lamina/eval/answer.hpp>
#include <lamina/eval/hellaswag.hpp>
#include <lamina/eval/mmlu.hpp>
#include <lamina/eval/perplexity.hpp>
#include <lamina/eval/pile.hpp>
#include <lamina/eval/prefix_scorer.hpp>
#include <lamina/eval/request.hpp>
#include <lamina/eval/results.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/run/key_value_cache.hpp>
#include <lamina/nn/score.hpp>
#include <lamina/text/gpt2_tokenizer.hpp>

#include "eval/support.hpp"
#include "support/catch.hpp"
#include "support/oracle_golden.hpp"
#include "support/oracle_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace lamina;
using namespace lamina::eval;
using namespace lamina_tests;

namespace {

/// The trained model as a pass for PrefixScorer and block_losses.
class Oracle {
    using Model = Gpt2<oracle_architecture, trainable::Nothing>;

public:
    Oracle() : model_(backend_), cache_(backend_, 4 * oracle_architecture.context) {
        const ScratchFolder folder;
        unpack_oracle_model(oracle_file("packed.safetensors"), folder.path());
        io::load_gpt2(model_, folder.path());
    }
    [[nodiscard]] auto pass() {
        return [this](auto segments, auto wanted, auto log_probabilities) {
            score(model_, cache_, segments, wanted, log_probabilities);
        };
    }
    [[nodiscard]] PassLimits limits() const { return {.context = 1024, .cache_rows = cache_.rows()}; }

private:
    CpuBackend backend_;
    Model model_;
    KeyValueCache<Model> cache_;
};

/// GPT-2's tokens of the texts that a golden has, for machines without its vocabulary.
class GoldenTokenizer {
public:
    void add(const Question& question, const OracleItem& item) {
        const std::string_view context = text::strip_right(question.context);
        if (!context.empty()) tokens_[std::string(context)] = item.context_ids;
        for (std::size_t i = 0; i < question.choices.size(); ++i) {
            std::vector<Token> whole = context.empty() ? std::vector<Token>{} : item.context_ids;
            whole.insert(whole.end(), item.continuation_ids[i].begin(), item.continuation_ids[i].end());
            tokens_[question.context + " " + question.choices[i]] = std::move(whole);
        }
    }
    void encode(std::string_view text, std::vector<Token>& tokens) const {
        const std::vector<Token>& found = tokens_.at(std::string(text));
        tokens.insert(tokens.end(), found.begin(), found.end());
    }
    [[nodiscard]] static std::string decode(std::span<const Token>) { return ""; }
    [[nodiscard]] static std::size_t vocab_size() { return oracle_architecture.vocab; }
    [[nodiscard]] static Token end_of_text() { return 50256; }

private:
    std::map<std::string, std::vector<Token>> tokens_{};
};

void check_texts(std::span<const Question> questions, std::span<const OracleItem> items) {
    REQUIRE(questions.size() == items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        Fnv1a hash;
        hash.add_string(questions[i].context);
        for (const std::string& choice : questions[i].choices) hash.add_string(" " + choice);
        INFO("item " << i);
        REQUIRE(hash.hexadecimal() == items[i].hash);
    }
}

template <class T>
void check_tokens(const T& tokenizer, std::span<const Question> questions, std::span<const OracleItem> items) {
    for (std::size_t i = 0; i < items.size(); ++i) {
        std::vector<std::size_t> counts;
        for (const std::string& choice : questions[i].choices) {
            const TokenPair pair = encode_pair(tokenizer, questions[i].context, " " + choice);
            if (counts.empty()) counts.push_back(pair.context.size());
            counts.push_back(pair.continuation.size());
        }
        INFO("item " << i);
        REQUIRE(counts == items[i].tokens);
    }
}

/// Asks the model and holds every score, prediction and metric against the golden.
template <class T>
TaskResult check_task(Oracle& oracle, const T& tokenizer, const std::string& name, std::span<const Question> questions,
                      const OracleGolden& golden, std::span<const Metric> metrics) {
    INFO(name);
    const std::vector<OracleItem>& items = golden.items.at(name);
    check_texts(questions, items);
    check_tokens(tokenizer, questions, items);
    PrefixScorer scorer(oracle.pass(), oracle.limits());
    std::vector<Answer> answers;
    answer_questions(scorer, tokenizer, questions, {},
                     [&](std::size_t, Answer answer) { answers.push_back(std::move(answer)); });
    double worst = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        INFO("item " << i);
        REQUIRE(answers[i].size() == items[i].scores.size());
        for (std::size_t j = 0; j < answers[i].size(); ++j) {
            worst = std::max(worst, std::abs(answers[i][j] - items[i].scores[j]));
        }
        CHECK(preferred(questions[i], answers[i], Metric::acc) == static_cast<std::size_t>(items[i].prediction));
        if (items[i].prediction_norm < 0) continue;
        CHECK(preferred(questions[i], answers[i], Metric::acc_norm) ==
              static_cast<std::size_t>(items[i].prediction_norm));
    }
    // The bar is 1e-3. Goldens are rounded to 1e-5, and sums over the longest endings differ by float's rounding.
    CHECK(worst < 1e-4);
    TaskResult result{.name = name, .metrics = measure_all(questions, answers, metrics)};
    for (const MetricResult& metric : result.metrics) {
        const std::map<std::string, double>& expected = golden.results.at(name);
        CHECK(metric.measured.value == Approx(expected.at(metric.name)).epsilon(1e-12));
        CHECK(metric.measured.standard_error.value_or(-1) ==
              Approx(expected.at(metric.name + "_stderr")).epsilon(1e-12).margin(1e-15));
    }
    return result;
}

/// Every subject that a golden has.
template <class T>
std::vector<TaskResult> check_mmlu(Oracle& oracle, const T& tokenizer, const std::filesystem::path& folder,
                                   const OracleGolden& golden, const MmluOptions& options) {
    std::vector<TaskResult> results;
    for (const auto& [task, items] : golden.items) {
        const std::vector<Question> questions =
            mmlu_questions(folder, std::string_view(task).substr(std::string_view("mmlu_").size()), options);
        results.push_back(check_task(oracle, tokenizer, task, questions, golden, mmlu_metrics));
    }
    return results;
}

void check_groups(std::span<const TaskResult> tasks, const OracleGolden& golden) {
    const std::vector<GroupResult> groups = mmlu_group_results(tasks);
    CHECK(groups.size() == 5);
    for (const GroupResult& group : groups) {
        INFO(group.name);
        const std::map<std::string, double>& expected = golden.results.at(group.name);
        const Measured& measured = group.metrics.at(0).measured;
        CHECK(measured.value == Approx(expected.at("acc")).epsilon(1e-12));
        CHECK(measured.standard_error.value_or(-1) == Approx(expected.at("acc_stderr")).epsilon(1e-12));
    }
}

/// The folder of the data sets, if it is there.
std::optional<std::filesystem::path> real_data() {
    const std::filesystem::path folder = shared("data");
    for (const char* const part : {"gpt2", "hellaswag/hellaswag_val_original_1000.jsonl", "mmlu", "pile"}) {
        if (!std::filesystem::exists(folder / part)) return std::nullopt;
    }
    return folder;
}

}  // namespace

TEST_CASE("made-up HellaSwag is answered as by the harness") {
    Oracle oracle;
    const OracleGolden golden = read_oracle_golden("synthetic_hellaswag.json");
    const auto questions = read_questions<HellaSwag>(oracle_file("synthetic/hellaswag.jsonl"));
    GoldenTokenizer tokenizer;
    for (std::size_t i = 0; i < questions.size(); ++i) tokenizer.add(questions[i], golden.items.at("hellaswag").at(i));
    check_task(oracle, tokenizer, "hellaswag", questions, golden, HellaSwag::metrics);
}

TEST_CASE("made-up MMLU is answered as by the harness, with and without examples") {
    Oracle oracle;
    const std::filesystem::path folder = oracle_file("synthetic/mmlu");
    for (const auto& [name, few_shot] : {std::pair{"synthetic_mmlu.json", 0U}, {"synthetic_mmlu_2shot.json", 2U}}) {
        const OracleGolden golden = read_oracle_golden(name);
        GoldenTokenizer tokenizer;
        for (const auto& [task, items] : golden.items) {
            const auto questions = mmlu_questions(folder, task.substr(5), {.few_shot = few_shot});
            for (std::size_t i = 0; i < questions.size(); ++i) tokenizer.add(questions[i], items.at(i));
        }
        CHECK(check_mmlu(oracle, tokenizer, folder, golden, {.few_shot = few_shot}).size() == 3);
    }
}

TEST_CASE("HellaSwag and MMLU are answered as by the harness", "[heavy]") {
    const auto data = real_data();
    if (!data) LAMINA_SKIP("there are no data sets beside the repository");
    Oracle oracle;
    const auto tokenizer = text::Gpt2Tokenizer::from_folder(*data / "gpt2");
    const auto hellaswag = read_questions<HellaSwag>(*data / "hellaswag" / "hellaswag_val_original_1000.jsonl", 400);
    check_task(oracle, tokenizer, "hellaswag", hellaswag, read_oracle_golden("hellaswag.json"), HellaSwag::metrics);

    const OracleGolden mmlu = read_oracle_golden("mmlu.json");
    const auto subjects = check_mmlu(oracle, tokenizer, *data / "mmlu", mmlu, {.limit = 10});
    CHECK(subjects.size() == 57);
    check_groups(subjects, mmlu);

    const OracleGolden few_shot = read_oracle_golden("mmlu_5shot.json");
    check_groups(check_mmlu(oracle, tokenizer, *data / "mmlu", few_shot, {.few_shot = 5, .limit = 2}), few_shot);
}

TEST_CASE("the Pile is measured as by the original on transformers' model", "[heavy]") {
    const auto data = real_data();
    if (!data) LAMINA_SKIP("there are no data sets beside the repository");
    const nlohmann::json golden = oracle_json("pile.json");
    const auto tokenizer = text::Gpt2Tokenizer::from_folder(*data / "gpt2");
    const auto count = golden.at("blocks").get<std::size_t>();
    const std::vector<Token> blocks =
        pile_blocks(*data / "pile" / "pile_sample.jsonl", tokenizer, {.most_blocks = count});
    REQUIRE(blocks.size() == count * 1024);
    Oracle oracle;
    auto pass = oracle.pass();
    std::vector<float> losses;
    for (std::size_t i = 0; i < count; ++i) {
        const std::span<const Token> block = std::span(blocks).subspan(i * 1024, 1024);
        Fnv1a hash;
        hash.add_values(block);
        CHECK(hash.hexadecimal() == golden.at("hashes").at(i).get<std::string>());
        const std::vector<float> found = block_losses(pass, block, 1024);
        losses.insert(losses.end(), found.begin(), found.end());
    }
    const auto first = golden.at("first_losses").get<std::vector<double>>();
    for (std::size_t i = 0; i < first.size(); ++i)
        CHECK(static_cast<double>(losses[i]) == Approx(first[i]).margin(1e-4));
    const LossSummary summary = summarise(losses);
    CHECK(summary.mean == Approx(golden.at("mean").get<double>()).margin(1e-5));
    CHECK(summary.perplexity == Approx(golden.at("perplexity").get<double>()).epsilon(1e-5));
    CHECK(summary.median == Approx(golden.at("median").get<double>()).margin(1e-4));
    for (std::size_t i = 0; i < summary.ranges.size(); ++i) {
        const auto expected = golden.at("ranges").at(i).get<std::vector<double>>();
        CHECK(summary.ranges[i].share == expected[0]);
        CHECK(summary.ranges[i].low == Approx(expected[1]).margin(1e-4));
        CHECK(summary.ranges[i].high == Approx(expected[2]).margin(1e-4));
    }
}
