// SPDX-License-Identifier: MIT
// own_task: a multiple-choice task that lamina does not have, put to a model of any kind.
#include "common/any_model.hpp"
#include "common/any_tokenizer.hpp"
#include "common/model_flags.hpp"

#include <lamina/eval/answer.hpp>
#include <lamina/eval/metrics.hpp>
#include <lamina/eval/prefix_scorer.hpp>
#include <lamina/eval/question.hpp>
#include <lamina/eval/results.hpp>
#include <lamina/eval/statistics.hpp>
#include <lamina/eval/task.hpp>

#include <CLI/CLI.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace lamina;

// PIQA: which of two ways leads to a goal? One {"goal": …, "sol1": …, "sol2": …, "label": 0 or 1} a line.
struct Piqa {
    static constexpr std::string_view name = "piqa";
    static constexpr double version = 1.0;
    static constexpr std::array metrics{eval::Metric::acc, eval::Metric::acc_norm};

    struct Document {
        std::string goal;
        std::vector<std::string> solutions;
        std::size_t label = 0;
    };

    static Document read(const io::JsonObject& line) {
        return {.goal = line.require<std::string>("goal"),
                .solutions = {eval::read_choice(line, "sol1"), eval::read_choice(line, "sol2")},
                .label = eval::label_below(line, "label", 2)};
    }

    static eval::Question ask(const Document& document) {
        return {.context = "Question: " + document.goal + "\nAnswer:",
                .choices = document.solutions,
                .gold = document.label};
    }
};

void run(const any_model::Flags& flags, const std::string& vocabulary, const std::string& path) {
    const std::vector<eval::Question> questions = eval::read_questions<Piqa>(path);
    const any_model::Found found = any_model::find(flags);
    const any_model::Tokenizer tokenizer = any_model::open_tokenizer(found, vocabulary);
    const std::size_t context = found.architecture.context;
    const std::unique_ptr<any_model::Model> model = any_model::open(found, {.cache_rows = 2 * context});

    eval::PrefixScorer scorer(
        [&](auto segments, auto wanted, auto log_probabilities) { model->score(segments, wanted, log_probabilities); },
        {.context = context, .cache_rows = model->cache_rows()});
    std::vector<eval::Answer> answers;
    eval::answer_questions(scorer, tokenizer, std::span(questions), {.context = context},
                           [&](std::size_t, eval::Answer answer) { answers.push_back(std::move(answer)); });
    for (const eval::MetricResult& metric : eval::measure_all(questions, answers, Piqa::metrics)) {
        const eval::Measured& measured = metric.measured;
        std::printf("%s %s: %.4f (", std::string(Piqa::name).c_str(), metric.name.c_str(), measured.value);
        if (measured.standard_error) std::printf("standard error %.4f, ", *measured.standard_error);  // not of one item
        std::printf("%zu questions)\n", measured.items);
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Evaluates a GPT-2 of any norm state on PIQA, a task that is defined in this program.", "own_task"};
    any_model::Flags flags;
    std::string tokenizer;
    std::string path;
    any_model::add_flags(app, flags, tokenizer);
    app.add_option("--piqa", path, "JSON Lines with goal, sol1, sol2 and label")->required();
    CLI11_PARSE(app, argc, argv);
    try {
        run(flags, tokenizer, path);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "own_task: %s\n", error.what());
        return 1;
    }
}
