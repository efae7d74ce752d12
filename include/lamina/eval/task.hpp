// SPDX-License-Identifier: MIT
// Task: a multiple-choice task as data and two small functions, and the reading of its items.
#pragma once

#include <lamina/eval/json_lines.hpp>
#include <lamina/eval/metrics.hpp>
#include <lamina/eval/question.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <lamina/io/json_file.hpp>

#include <lamina/text/python_string.hpp>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::eval {

/// A task whose items are the rows of a JSON Lines file.
///
/// name, version    of the task, as in the harness's results
/// metrics          what it reports, in this order
/// read(line)       a row as the task's own `Document`; the line's errors name file, line and field
/// ask(document)    the question that it asks
template <class T>
concept Task = requires(const io::JsonObject& line, const typename T::Document& document) {
    { T::name } -> std::convertible_to<std::string_view>;
    { T::version } -> std::convertible_to<double>;
    { T::metrics } -> std::convertible_to<std::span<const Metric>>;
    { T::read(line) } -> std::same_as<typename T::Document>;
    { T::ask(document) } -> std::same_as<Question>;
};

/// A label: an integer from 0, as a number or as a string of digits.
///
/// errors  FileError naming the field when it is missing, something else, or not below `choices`
[[nodiscard]] inline std::size_t label_below(const io::JsonObject& line, std::string_view field, std::size_t choices) {
    const io::Json& found = line.json(field);
    std::size_t label = choices;
    if (found.is_number_unsigned()) {
        label = found.get<std::size_t>();
    } else if (found.is_string()) {
        const auto& digits = found.get_ref<const std::string&>();
        const std::from_chars_result parsed = std::from_chars(digits.data(), digits.data() + digits.size(), label);
        if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) label = choices;
    }
    if (label < choices) return label;
    // Only of what has no parts: dump() calls itself for each level, and a file may have any number of those.
    const std::string shown = found.is_structured() ? found.type_name() : printable(found.dump());
    line.fail(field, "is " + shown + ", expected a whole number below " + std::to_string(choices));
}

/// A choice that has a field of its own: a string that is not blank.
///
/// errors  FileError naming the field when it is missing, something else, or blank
[[nodiscard]] inline std::string read_choice(const io::JsonObject& line, std::string_view field) {
    auto choice = line.require<std::string>(field);
    if (text::strip(choice).empty()) line.fail(field, "is empty");
    return choice;
}

/// The choices of an item: strings of which none is blank.
///
/// errors  FileError naming the field when it is missing, something else, blank, or not of `count` entries
[[nodiscard]] inline std::vector<std::string> read_choices(const io::JsonObject& line, std::string_view field,
                                                           std::optional<std::size_t> count = std::nullopt) {
    auto choices = line.require<std::vector<std::string>>(field);
    if (choices.empty() || choices.size() != count.value_or(choices.size())) {
        line.fail(field, "has " + std::to_string(choices.size()) + " entries, expected " +
                             (count ? std::to_string(*count) : "at least one"));
    }
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (text::strip(choices[i]).empty()) line.fail(std::string(field) + "[" + std::to_string(i) + "]", "is empty");
    }
    return choices;
}

/// The first `limit` items of a file as questions.
///
/// errors  FileError naming file, line and field
template <Task T>
[[nodiscard]] std::vector<Question> read_questions(const std::filesystem::path& path,
                                                   std::optional<std::size_t> limit = std::nullopt) {
    const JsonLines lines(path);
    std::vector<Question> questions;
    const std::size_t count = std::min(lines.size(), limit.value_or(lines.size()));
    for (std::size_t row = 0; row < count; ++row) {
        Question question = lines.read(row, [](const io::JsonObject& line) { return T::ask(T::read(line)); });
        question.where = lines.where(row);
        if (question.choices.empty()) throw FileError(question.where, "there are no choices");
        if (question.gold >= question.choices.size()) {
            throw FileError(question.where, "the right choice is " + std::to_string(question.gold) +
                                                ", expected a whole number below " +
                                                std::to_string(question.choices.size()));
        }
        questions.push_back(std::move(question));
    }
    return questions;
}

}  // namespace lamina::eval
