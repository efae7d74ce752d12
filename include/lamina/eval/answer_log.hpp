// SPDX-License-Identifier: MIT
// AnswerLog: the answers to the questions of a task in a file, so that an interrupted evaluation goes on where it was.
#pragma once

#include <lamina/eval/json_lines.hpp>
#include <lamina/eval/question.hpp>
#include <lamina/eval/scorer.hpp>

#include <lamina/core/error.hpp>

#include <lamina/io/json_file.hpp>
#include <lamina/io/metric_log.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lamina::eval {

/// One line per question: {"item": 0, "log_probabilities": […]}, in the order of the questions.
class AnswerLog {
public:
    /// Begins an empty log.
    ///
    /// errors  FileError when the file cannot be written
    explicit AnswerLog(const std::filesystem::path& path) : log_(path, counter) {}

    /// Goes on with the log of an earlier run on the same questions; a missing file is an empty log. A broken last line
    /// is removed.
    ///
    /// errors  FileError naming the line when the log is of other questions; ArgumentError when there are none
    [[nodiscard]] static AnswerLog resume(const std::filesystem::path& path, std::span<const Question> questions) {
        if (questions.empty()) throw ArgumentError("lamina: AnswerLog::resume: no questions, expected at least one");
        AnswerLog log(io::MetricLog::resume(path, questions.size() - 1, counter));
        if (std::filesystem::file_size(path) == 0) return log;
        const JsonLines lines(path);
        for (std::size_t row = 0; row < lines.size(); ++row) {
            log.answers_.push_back(lines.read(row, [&](const io::JsonObject& line) {
                if (line.require<std::size_t>(counter) != row) line.fail(counter, "expected " + std::to_string(row));
                auto answer = line.require<Answer>(field);
                const std::size_t choices = questions[row].choices.size();
                if (answer.size() == choices) return answer;
                line.fail(field, "has " + std::to_string(answer.size()) + " entries, expected " +
                                     std::to_string(choices) + ", one per choice of the question");
            }));
        }
        return log;
    }

    /// errors  FileError with the system's reason, such as a full disk
    void append(Answer answer) {
        log_.append(answers_.size(), {{field, answer}});
        answers_.push_back(std::move(answer));
    }

    /// To the first questions, as many as have been answered.
    [[nodiscard]] std::span<const Answer> answers() const { return answers_; }

private:
    static constexpr const char* counter = "item";
    static constexpr const char* field = "log_probabilities";

    explicit AnswerLog(io::MetricLog log) : log_(std::move(log)) {}

    io::MetricLog log_;
    std::vector<Answer> answers_{};
};

}  // namespace lamina::eval
