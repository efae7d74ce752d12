// SPDX-License-Identifier: MIT
#include "run.hpp"

#include "out_folder.hpp"
#include "progress.hpp"

#include <lamina/core/error.hpp>
#include <lamina/eval/answer.hpp>
#include <lamina/eval/answer_log.hpp>
#include <lamina/eval/loss_file.hpp>
#include <lamina/eval/perplexity.hpp>
#include <lamina/eval/prefix_scorer.hpp>
#include <lamina/eval/report.hpp>
#include <lamina/eval/results_json.hpp>
#include <lamina/io/atomic_file.hpp>
#include <lamina/io/json_file.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace evaluate {

namespace {

namespace eval = lamina::eval;
namespace fs = std::filesystem;
using any_model::Model;
using lamina::io::Json;

/// In the original a batch of the Pile has so many blocks, and the last, incomplete one is dropped.
constexpr std::size_t pile_batch = 16;

/// A task's answers, those of an earlier run among them.
class Answers {
public:
    Answers(const Job& job, const TaskWork& task) {
        if (job.out.empty()) return;
        const fs::path path = answers_path(job, task.name);
        if (job.resume) {
            log_ = eval::AnswerLog::resume(path, task.questions);
        } else {
            log_.emplace(path);
        }
    }

    void add(eval::Answer answer) {
        if (log_) {
            log_->append(std::move(answer));
        } else {
            kept_.push_back(std::move(answer));
        }
    }

    [[nodiscard]] std::span<const eval::Answer> all() const {
        return log_ ? log_->answers() : std::span<const eval::Answer>(kept_);
    }

private:
    std::optional<eval::AnswerLog> log_{};
    std::vector<eval::Answer> kept_{};
};

/// One progress bar for tasks that are shown as one, such as the subjects of MMLU.
template <class Scorer>
void answer_tasks(const Job& job, std::span<const TaskWork> tasks, const std::string& title,
                  const any_model::Tokenizer& tokenizer, std::size_t context, Scorer& scorer, eval::Results& results) {
    std::vector<Answers> answers;
    std::size_t items = 0;
    std::size_t done = 0;
    for (const TaskWork& task : tasks) {
        answers.emplace_back(job, task);
        items += task.questions.size();
        done += answers.back().all().size();
    }
    Progress progress(title, "questions", items, done);
    eval::AnswerCounts counts{};
    const std::size_t tokens_before = scorer.tokens();
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        const TaskWork& task = tasks[i];
        eval::AnswerOptions options{.context = context};
        options.first = answers[i].all().size();
        const eval::AnswerCounts more =
            eval::answer_questions(scorer, tokenizer, std::span<const eval::Question>(task.questions), options,
                                   [&](std::size_t /*index*/, eval::Answer answer) {
                                       answers[i].add(std::move(answer));
                                       progress.add(1);
                                   });
        counts.questions += more.questions;
        counts.harness_tokens += more.harness_tokens;
        counts.cut_off += more.cut_off;
        results.tasks.push_back({.name = task.name,
                                 .alias = task.alias,
                                 .version = task.version,
                                 .few_shot = task.few_shot,
                                 .available = task.available,
                                 .metrics = eval::measure_all(task.questions, answers[i].all(), task.metrics)});
    }
    if (counts.questions > 0) {
        std::printf("%-12s%zu tokens computed, %zu without shared beginnings", "", scorer.tokens() - tokens_before,
                    counts.harness_tokens);
        if (counts.cut_off > 0) std::printf("; %zu choices lost the beginning of their context", counts.cut_off);
        std::printf("\n");
    }
}

/// What tells one model from another of its size.
[[nodiscard]] std::string arguments_of(const Job& job) {
    const auto whole = [](const fs::path& path) { return fs::weakly_canonical(path).string(); };
    const any_model::Found& model = job.model;
    return "model=" + model.model + ",weights=" + whole(model.weights) +
           (model.run.empty() ? "" : ",run=" + whole(model.run)) + (model.force_removed ? ",force_removed=true" : "");
}

template <class Pass>
[[nodiscard]] eval::LossSummary pile_losses(const Job& job, const Work& work, Pass& pass) {
    const std::size_t all = work.pile.size() / work.block;
    const std::size_t blocks = job.limit ? all : eval::whole_batches(all, pile_batch);
    const std::size_t width = work.block - 1;
    const std::size_t together = std::max<std::size_t>(1, 2048 / work.block);
    std::optional<eval::LossFile> file;
    std::vector<float> kept;
    if (!job.out.empty()) {
        file.emplace(losses_path(job), blocks, width,
                     job.resume ? eval::LossFile::Begin::where_it_stopped : eval::LossFile::Begin::anew);
    }
    std::size_t done = file ? file->blocks() : 0;
    Progress progress("pile10k", "blocks", blocks, done);
    while (done < blocks) {
        const std::size_t count = std::min(together, blocks - done);
        const std::vector<float> losses = eval::block_losses(
            pass, std::span(work.pile).subspan(done * work.block, count * work.block), work.block, done);
        if (file) {
            file->append(losses);
        } else {
            kept.insert(kept.end(), losses.begin(), losses.end());
        }
        done += count;
        progress.add(count);
    }
    if (file) kept.assign(file->losses().begin(), file->losses().end());
    return eval::summarise(std::move(kept));
}

}  // namespace

eval::Results run(const Job& job, const Work& work, const any_model::Tokenizer& tokenizer, Model& model) {
    eval::Results results{.label = job.label};
    const auto pass = [&model](auto segments, auto wanted, auto log_probabilities) {
        model.score(segments, wanted, log_probabilities);
    };
    if (!work.pile.empty()) results.pile = pile_losses(job, work, pass);
    const std::size_t context = job.model.architecture.context;
    eval::PrefixScorer scorer(pass, {.context = context, .cache_rows = model.cache_rows()});
    const std::span<const TaskWork> tasks = work.tasks;
    for (std::size_t first = 0; first < tasks.size();) {
        const bool mmlu = tasks[first].name.starts_with("mmlu_");
        const std::size_t count = mmlu ? tasks.size() - first : 1;
        answer_tasks(job, tasks.subspan(first, count), mmlu ? "mmlu" : tasks[first].name, tokenizer, context, scorer,
                     results);
        first += count;
    }
    results.groups = eval::mmlu_group_results(results.tasks);
    return results;
}

void report(const Job& job, const eval::Results& results) {
    std::vector<eval::ResultValues> rows;
    if (job.baseline) rows.push_back(*job.baseline);
    rows.push_back(eval::values_of(results));
    const std::string table = eval::results_markdown(rows);
    std::printf("\n%s", table.c_str());
    if (results.pile) {
        const eval::LossSummary& losses = *results.pile;
        std::printf("\nPile-10k: mean %.4f, perplexity %.2f, median %.4f over %zu tokens;", losses.mean,
                    losses.perplexity, losses.median, losses.tokens);
        for (const eval::LossRange& range : losses.ranges) {
            std::printf("%s %g %% in %.4f-%.4f", &range == losses.ranges.data() ? "" : ",", range.share * 100,
                        range.low, range.high);
        }
        std::printf("\n");
    }
    if (job.out.empty()) return;
    Json config{
        {"model", "lamina"}, {"model_args", arguments_of(job)}, {"limit", job.limit ? Json(*job.limit) : Json()}};
    lamina::io::write_json(job.out / "results.json", eval::results_json(results, std::move(config)));
    lamina::io::write_file(job.out / "results.md", table + "\n" + eval::details_markdown(results));
}

}  // namespace evaluate
