// SPDX-License-Identifier: MIT
// Work: the questions and blocks that an evaluation is about, all read and checked before a model is loaded.
#pragma once

#include "job.hpp"

#include "../common/any_tokenizer.hpp"

#include <lamina/core/token.hpp>
#include <lamina/eval/metrics.hpp>
#include <lamina/eval/question.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace evaluate {

struct TaskWork {
    std::string name;   ///< as the harness has it: "mmlu_anatomy"
    std::string alias;  ///< "anatomy"
    double version = 1;
    std::size_t few_shot = 0;
    std::size_t available = 0;  ///< questions in the file
    std::vector<lamina::eval::Metric> metrics;
    std::vector<lamina::eval::Question> questions;
};

struct Work {
    std::vector<lamina::Token> pile;  ///< whole blocks
    std::size_t block = 0;            ///< tokens of one
    std::vector<TaskWork> tasks;
};

/// errors   FileError naming file, line and field of what is wrong
[[nodiscard]] Work read_work(const Job& job, const any_model::Tokenizer& tokenizer, std::size_t context);

}  // namespace evaluate
