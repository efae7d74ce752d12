// SPDX-License-Identifier: MIT
// Piqa: a multiple-choice task as data and two functions.
#pragma once

#include <lamina/eval/metrics.hpp>
#include <lamina/eval/question.hpp>
#include <lamina/eval/task.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace own_task {

namespace eval = lamina::eval;
namespace io = lamina::io;

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

}  // namespace own_task
