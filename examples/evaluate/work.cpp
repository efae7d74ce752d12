// SPDX-License-Identifier: MIT
#include "work.hpp"

#include <lamina/core/error.hpp>
#include <lamina/eval/hellaswag.hpp>
#include <lamina/eval/mmlu.hpp>
#include <lamina/eval/pile.hpp>
#include <lamina/eval/request.hpp>

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

namespace evaluate {

namespace {

namespace eval = lamina::eval;
using eval::Question;

/// Cuts a task down to the limit.
[[nodiscard]] std::vector<Question> limited(std::vector<Question> questions, const Job& job) {
    if (job.limit && *job.limit < questions.size()) {
        questions.erase(questions.begin() + static_cast<std::ptrdiff_t>(*job.limit), questions.end());
    }
    return questions;
}

template <eval::Task T>
[[nodiscard]] TaskWork read_task(const Job& job, const std::string& path) {
    std::vector<Question> questions = eval::read_questions<T>(path);
    const std::size_t available = questions.size();
    return {.name = std::string(T::name),
            .alias = "",
            .version = T::version,
            .few_shot = 0,
            .available = available,
            .metrics = {T::metrics.begin(), T::metrics.end()},
            .questions = limited(std::move(questions), job)};
}

[[nodiscard]] TaskWork read_subject(const Job& job, std::string_view subject) {
    std::vector<Question> questions = eval::mmlu_questions(job.mmlu, subject, {.few_shot = job.shots});
    const std::size_t available = questions.size();
    return {.name = "mmlu_" + std::string(subject),
            .alias = std::string(subject),
            .version = 1,
            .few_shot = job.shots,
            .available = available,
            .metrics = {eval::mmlu_metrics.begin(), eval::mmlu_metrics.end()},
            .questions = limited(std::move(questions), job)};
}

/// Finds choices that do not fit the context before anything is computed. No text has more tokens than bytes, so hardly
/// any need be encoded for that.
void check_lengths(const any_model::Tokenizer& tokenizer, std::span<const Question> questions, std::size_t context) {
    for (const Question& question : questions) {
        const bool long_choice = std::ranges::any_of(
            question.choices, [&](const std::string& choice) { return choice.size() + 1 > context; });
        if (long_choice) static_cast<void>(eval::requests_of(tokenizer, question, context));
    }
}

}  // namespace

Work read_work(const Job& job, const any_model::Tokenizer& tokenizer, std::size_t context) {
    Work work{};
    if (!job.pile.empty()) {
        eval::PileOptions options{};
        options.block = std::min(options.block, context);
        options.most_blocks = std::min(options.most_blocks, job.limit.value_or(options.most_blocks));
        work.block = options.block;
        work.pile = eval::pile_blocks(job.pile, tokenizer, options);
    }
    if (!job.hellaswag.empty()) work.tasks.push_back(read_task<eval::HellaSwag>(job, job.hellaswag));
    if (!job.mmlu.empty()) {
        for (const eval::MmluSubject& subject : eval::mmlu_subjects) {
            work.tasks.push_back(read_subject(job, subject.name));
        }
    }
    for (const TaskWork& task : work.tasks) check_lengths(tokenizer, task.questions, context);
    return work;
}

}  // namespace evaluate
