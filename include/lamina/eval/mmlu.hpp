// SPDX-License-Identifier: MIT
// MMLU as lm-evaluation-harness 0.4.11 asks it: four choices in the prompt, and which letter follows "Answer:"?
#pragma once

#include <lamina/eval/csv.hpp>
#include <lamina/eval/metrics.hpp>
#include <lamina/eval/mmlu_subjects.hpp>
#include <lamina/eval/question.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <lamina/text/python_string.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::eval {

/// One item as it is stored.
struct MmluDocument {
    std::string question;
    std::array<std::string, 4> choices;
    std::size_t answer = 0;
    std::size_t line = 0;
};

inline constexpr std::string_view mmlu_letters = "ABCD";
inline constexpr std::array mmlu_metrics{Metric::acc};

/// A file of the published layout: question, four choices and the letter of the right one; no heading.
///
/// errors  FileError naming file, line and field
[[nodiscard]] inline std::vector<MmluDocument> read_mmlu(const std::filesystem::path& path) {
    std::vector<MmluDocument> documents;
    for (CsvRow& row : read_csv(path)) {
        const std::string line = "line " + std::to_string(row.line) + ": ";
        if (row.fields.size() != 6) {
            throw FileError(path.string(), line + "has " + std::to_string(row.fields.size()) +
                                               " fields, expected 6: question, four choices and a letter");
        }
        for (std::size_t i = 0; i < 5; ++i) {
            if (!text::strip(row.fields[i]).empty()) continue;
            throw FileError(path.string(), line + "field " + std::to_string(i + 1) + ", " +
                                               (i == 0 ? "the question" : "a choice") + ", is empty");
        }
        const std::string& letter = row.fields[5];
        const std::size_t answer = letter.size() == 1 ? mmlu_letters.find(letter) : std::string_view::npos;
        if (answer == std::string_view::npos) {
            throw FileError(path.string(),
                            line + "field 6, the answer, is " + in_quotes(letter) + ", expected A, B, C or D");
        }
        MmluDocument document{.question = std::move(row.fields[0]), .choices = {}, .answer = answer, .line = row.line};
        std::move(row.fields.begin() + 1, row.fields.begin() + 5, document.choices.begin());
        documents.push_back(std::move(document));
    }
    if (documents.empty()) throw FileError(path.string(), "is empty: expected a question a line");
    return documents;
}

/// Question and choices, ending in "Answer:".
[[nodiscard]] inline std::string mmlu_prompt(const MmluDocument& document) {
    std::string prompt(text::strip(document.question));
    for (std::size_t i = 0; i < document.choices.size(); ++i) {
        prompt += '\n';
        prompt += mmlu_letters[i];
        prompt += ". " + document.choices[i];
    }
    return prompt + "\nAnswer:";
}

/// What stands before every question of a subject: its description, and the answered examples.
[[nodiscard]] inline std::string mmlu_introduction(std::string_view subject, std::span<const MmluDocument> examples) {
    std::string spaced(subject);
    std::replace(spaced.begin(), spaced.end(), '_', ' ');
    std::string text = "The following are multiple choice questions (with answers) about " + spaced + ".\n\n";
    for (const MmluDocument& example : examples) {
        text += mmlu_prompt(example) + " ";
        text += mmlu_letters[example.answer];
        text += "\n\n";
    }
    return text;
}

[[nodiscard]] inline Question mmlu_question(const std::string& introduction, const MmluDocument& document) {
    return {.context = introduction + mmlu_prompt(document), .choices = {"A", "B", "C", "D"}, .gold = document.answer};
}

/// How the questions of a subject are asked.
struct MmluOptions {
    std::size_t few_shot = 0;  ///< answered examples before each question: the first ones of the dev split
    std::optional<std::size_t> limit = std::nullopt;  ///< questions of a subject
};

/// The questions of one subject in a folder that holds test/SUBJECT_test.csv and, for examples, dev/SUBJECT_dev.csv.
///
/// errors  FileError as read_mmlu, and when there are fewer examples than asked for
[[nodiscard]] inline std::vector<Question> mmlu_questions(const std::filesystem::path& folder, std::string_view subject,
                                                          const MmluOptions& options = {}) {
    const std::string name(subject);
    std::vector<MmluDocument> examples;
    if (options.few_shot > 0) {
        const std::filesystem::path path = folder / "dev" / (name + "_dev.csv");
        examples = read_mmlu(path);
        if (examples.size() < options.few_shot) {
            throw FileError(path.string(), "has " + std::to_string(examples.size()) + " questions, expected at least " +
                                               std::to_string(options.few_shot) + " to show as examples");
        }
        examples.resize(options.few_shot);
    }
    const std::string introduction = mmlu_introduction(subject, examples);
    const std::filesystem::path path = folder / "test" / (name + "_test.csv");
    std::vector<Question> questions;
    for (const MmluDocument& document : read_mmlu(path)) {
        if (options.limit && questions.size() == *options.limit) break;
        Question question = mmlu_question(introduction, document);
        question.where = path.string() + ": line " + std::to_string(document.line);
        questions.push_back(std::move(question));
    }
    return questions;
}

}  // namespace lamina::eval
