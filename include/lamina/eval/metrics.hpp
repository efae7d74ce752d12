// SPDX-License-Identifier: MIT
// What a multiple-choice task reports: accuracy by plain, by length-normalised and by byte-normalised score.
#pragma once

#include <lamina/eval/question.hpp>
#include <lamina/eval/scorer.hpp>
#include <lamina/eval/statistics.hpp>

#include <lamina/core/error.hpp>

#include <lamina/text/python_string.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::eval {

/// The harness's metrics of multiple choice, named as there.
enum class Metric {
    acc,        ///< the most probable choice is right
    acc_norm,   ///< the one of the highest log-probability per Unicode code point
    acc_bytes,  ///< per byte of UTF-8
};

[[nodiscard]] constexpr std::string_view name(Metric metric) {
    switch (metric) {
        case Metric::acc:
            return "acc";
        case Metric::acc_norm:
            return "acc_norm";
        case Metric::acc_bytes:
            return "acc_bytes";
    }
    return "";
}

/// What a choice's log-probability is divided by.
[[nodiscard]] constexpr std::size_t length_of(std::string_view choice, Metric metric) {
    return metric == Metric::acc ? 1 : metric == Metric::acc_norm ? text::code_points(choice) : choice.size();
}

/// The choice that the answer prefers, the first among equals. One of length 0 is preferred to none but its like, as
/// numpy's division has it.
///
/// errors  ArgumentError unless there is one score per choice
[[nodiscard]] inline std::size_t preferred(const Question& question, const Answer& answer, Metric metric) {
    if (answer.empty() || answer.size() != question.choices.size()) {
        throw ArgumentError("lamina: preferred: " + std::to_string(answer.size()) + " scores for " +
                            std::to_string(question.choices.size()) + " choices, expected one each, at least one");
    }
    std::size_t best = 0;
    double highest = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < answer.size(); ++i) {
        const auto length = static_cast<double>(length_of(question.choices[i], metric));
        const double score = length == 0 ? -std::numeric_limits<double>::infinity() : answer[i] / length;
        if (score > highest) {
            best = i;
            highest = score;
        }
    }
    return best;
}

/// One metric over all questions of a task.
///
/// errors  ArgumentError unless there is one answer per question, and one score per choice
[[nodiscard]] inline Measured measure(std::span<const Question> questions, std::span<const Answer> answers,
                                      Metric metric) {
    if (questions.size() != answers.size()) {
        throw ArgumentError("lamina: measure: " + std::to_string(answers.size()) + " answers to " +
                            std::to_string(questions.size()) + " questions, expected one each");
    }
    std::vector<double> right;
    right.reserve(questions.size());
    for (std::size_t i = 0; i < questions.size(); ++i) {
        right.push_back(preferred(questions[i], answers[i], metric) == questions[i].gold ? 1 : 0);
    }
    return mean_of(right);
}

}  // namespace lamina::eval
