// SPDX-License-Identifier: MIT
// Running an evaluation: the model answers, what it answers is kept, and the results are worked out.
#pragma once

#include "job.hpp"
#include "work.hpp"

#include <lamina/eval/results.hpp>

namespace evaluate {

/// errors   as eval::answer_questions, eval::block_losses and the files; what was answered before is kept in job.out
[[nodiscard]] lamina::eval::Results run(const Job& job, const Work& work, const any_model::Tokenizer& tokenizer,
                                        any_model::Model& model);

/// Prints the tables, and writes results.json and results.md into job.out.
void report(const Job& job, const lamina::eval::Results& results);

}  // namespace evaluate
