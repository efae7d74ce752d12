// SPDX-License-Identifier: MIT
// Job: what one run of evaluate has been asked to do.
#pragma once

#include "../common/any_model.hpp"

#include <lamina/eval/results_json.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace evaluate {

struct Job {
    any_model::Found model;
    std::string tokenizer;  ///< folder, or ""
    std::string label;      ///< of the model in tables

    // Files of the tasks; "" for those that are not wanted.
    std::string pile;
    std::string hellaswag;
    std::string mmlu;
    std::size_t shots = 0;             ///< answered examples before each question of MMLU
    std::optional<std::size_t> limit;  ///< questions of each task and subject, blocks of the Pile

    std::optional<lamina::eval::ResultValues> baseline;  ///< of another model
    std::filesystem::path out;                           ///< "": nothing is kept
    bool resume = false;
    bool force = false;  ///< whether a new evaluation may replace what `out` has
};

}  // namespace evaluate
