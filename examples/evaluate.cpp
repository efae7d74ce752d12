// SPDX-License-Identifier: MIT
// evaluate: Pile-10k, HellaSwag and MMLU on a GPT-2 of any norm state, by the conventions of lm-evaluation-harness.
#include "common/any_model.hpp"
#include "common/any_tokenizer.hpp"
#include "common/flags.hpp"
#include "common/model_flags.hpp"
#include "common/notes.hpp"
#include "common/out_folder.hpp"
#include "common/program.hpp"
#include "evaluate/job.hpp"
#include "evaluate/out_folder.hpp"
#include "evaluate/run.hpp"
#include "evaluate/work.hpp"

#include <lamina/core/error.hpp>
#include <lamina/eval/results.hpp>
#include <lamina/eval/results_json.hpp>
#include <lamina/text/valid_utf8.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace {

using evaluate::Job;

struct CommandLine {
    any_model::Flags model;
    std::string baseline;
    Job job;
};

void add_flags(CLI::App& app, CommandLine& line) {
    Job& job = line.job;
    any_model::add_flags(app, line.model, job.tokenizer);
    app.add_option("--pile", job.pile,
                   "Pile-10k as JSON Lines with text and meta; a file or pipe, gzip or zstd as well")
        ->type_name("FILE");
    app.add_option("--hellaswag", job.hellaswag, "HellaSwag's validation split as JSON Lines, likewise")
        ->type_name("FILE");
    app.add_option("--mmlu", job.mmlu, "MMLU's folder with test/ and dev/")->type_name("DIR");
    common::add_count(app, "--shots", job.shots, "answered examples before each question of MMLU, from its dev split",
                      {.most = 5});
    common::add_count(app, "--limit", job.limit,
                      "only so many questions of each task and subject, and blocks of the Pile",
                      {.least = 1, .most = 1'000'000'000});
    app.add_option("--baseline", line.baseline, "results.json of another model, to show differences to")
        ->type_name("FILE");
    app.add_option("--label", job.label, "of the model in tables (default: its size and its norms)");
    app.add_option("--out", job.out,
                   "folder for results, answers, the Pile's losses of every token, and for --resume (default: none)")
        ->type_name("DIR");
    app.add_flag("--force", job.force, "write to --out whatever is there; an evaluation that is there is deleted");
    app.add_flag("--resume", job.resume, "go on with the evaluation in --out")->needs("--out")->excludes("--force");
}

[[nodiscard]] const char* norms_of(any_model::Kind kind) {
    switch (kind) {
        case any_model::Kind::pretrained:
            return "";
        case any_model::Kind::run:
            return ", adapted";
        case any_model::Kind::folded:
            return ", folded";
        case any_model::Kind::scaled:
            return ", exported";
    }
    return "";
}

void run(CommandLine& line) {
    Job& job = line.job;
    if (job.pile.empty() && job.hellaswag.empty() && job.mmlu.empty()) {
        throw lamina::ArgumentError("nothing to evaluate on; give --pile, --hellaswag or --mmlu");
    }
    job.model = any_model::find(line.model);
    if (job.label.empty()) {
        job.label = job.model.model + norms_of(job.model.kind) + (job.model.force_removed ? ", norms forced out" : "");
    }
    if (!line.baseline.empty()) job.baseline = lamina::eval::read_results(line.baseline);
    if (lamina::text::valid_utf8(job.label) != job.label) throw lamina::ArgumentError("--label is not valid UTF-8");
    const any_model::Tokenizer tokenizer =
        any_model::open_tokenizer(job.model.architecture.vocab, job.model.weights, job.tokenizer);
    std::optional<common::OutFolder> folder;
    if (!job.out.empty()) folder.emplace(job.out);
    evaluate::check_out(job);
    const evaluate::Work work = evaluate::read_work(job, tokenizer, job.model.architecture.context);
    evaluate::open_out(job, work);
    const std::unique_ptr<any_model::Model> model =
        any_model::open(job.model, {.program = "evaluate",
                                    .cache_rows = 4 * job.model.architecture.context,
                                    .end_of_text = tokenizer.end_of_text()});
    const lamina::eval::Results results = evaluate::run(job, work, tokenizer, *model);
    common::print_notes(stdout, model->take_notes());
    evaluate::report(job, results);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Evaluates a GPT-2 of any norm state by the conventions of lm-evaluation-harness.", "evaluate"};
    CommandLine line;
    add_flags(app, line);
    return common::run_program(app, argc, argv, [&] { run(line); });
}
