// SPDX-License-Identifier: MIT
// own_task: a multiple-choice task that lamina does not have, put to a model of any kind.
#include "common/any_model.hpp"
#include "common/any_tokenizer.hpp"
#include "common/model_flags.hpp"
#include "common/notes.hpp"
#include "common/program.hpp"
#include "own_task/piqa.hpp"

#include <lamina/eval/answer.hpp>
#include <lamina/eval/prefix_scorer.hpp>
#include <lamina/eval/results.hpp>
#include <lamina/eval/statistics.hpp>
#include <lamina/eval/task.hpp>

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace lamina;
using own_task::Piqa;

void run(const any_model::Flags& flags, const std::string& vocabulary, const std::string& path) {
    const std::vector<eval::Question> questions = eval::read_questions<Piqa>(path);
    const any_model::Found found = any_model::find(flags);
    const any_model::Tokenizer tokenizer =
        any_model::open_tokenizer(found.architecture.vocab, found.weights, vocabulary);
    const std::size_t context = found.architecture.context;
    const std::unique_ptr<any_model::Model> model = any_model::open(
        found, {.program = "own_task", .cache_rows = 2 * context, .end_of_text = tokenizer.end_of_text()});

    eval::PrefixScorer scorer(
        [&](auto segments, auto wanted, auto log_probabilities) { model->score(segments, wanted, log_probabilities); },
        {.context = context, .cache_rows = model->cache_rows()});
    std::vector<eval::Answer> answers;
    eval::answer_questions(scorer, tokenizer, std::span(questions), {.context = context},
                           [&](std::size_t, eval::Answer answer) { answers.push_back(std::move(answer)); });
    common::print_notes(stdout, model->take_notes());
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
    app.add_option("--piqa", path, "JSON Lines with goal, sol1, sol2 and label")->type_name("FILE")->required();
    return common::run_program(app, argc, argv, [&] { run(flags, tokenizer, path); });
}
