// SPDX-License-Identifier: MIT
// A task of a user's own, which docs/evaluation.md shows, and files that do not fit it.
#include <lamina/eval/task.hpp>

#include "eval/support.hpp"
#include "examples/own_task/piqa.hpp"
#include "support/catch.hpp"

#include <array>

using lamina_tests::error_of_file;

namespace {

using namespace lamina::eval;

struct WithoutAsk {
    static constexpr std::string_view name = "x";
    static constexpr double version = 1.0;
    static constexpr std::array metrics{Metric::acc};
    using Document = std::string;
    static Document read(const lamina::io::JsonObject& line);
};
struct WithoutMetrics : WithoutAsk {
    static Question ask(const Document& document);
    static constexpr std::string_view metrics = "acc";
};
struct ReadsSomethingElse : own_task::Piqa {
    static std::string read(const lamina::io::JsonObject& line);
};

static_assert(Task<own_task::Piqa>);
static_assert(!Task<WithoutAsk>);
static_assert(!Task<WithoutMetrics>);
static_assert(!Task<ReadsSomethingElse>);
static_assert(!Task<int>);

// Questions as a row has them, without any check of its own.
struct Bare {
    static constexpr std::string_view name = "bare";
    static constexpr double version = 1.0;
    static constexpr std::array metrics{Metric::acc};
    using Document = Question;
    static Question read(const lamina::io::JsonObject& line) {
        return {.context = "", .choices = line.require<std::vector<std::string>>("choices"), .gold = 1};
    }
    static Question ask(const Question& question) { return question; }
};

// A row's choices, joined; `Count` of them, or any number for 0.
template <std::size_t Count>
struct Choices : Bare {
    static Question read(const lamina::io::JsonObject& line) {
        return {.context = "",
                .choices = read_choices(line, "choices", Count == 0 ? std::nullopt : std::optional(Count)),
                .gold = 0};
    }
};

struct OneChoice : Bare {
    static Question read(const lamina::io::JsonObject& line) {
        return {.context = "", .choices = {read_choice(line, "choice")}, .gold = 0};
    }
};

template <class T>
std::string error_in(std::string_view text) {
    return error_of_file(text, [](const std::filesystem::path& path) { return read_questions<T>(path); });
}

std::string label_error(const std::string& label) {
    return error_in<own_task::Piqa>("{\"goal\": \"g\", \"sol1\": \"a\", \"sol2\": \"b\", \"label\": " + label + "}");
}

}  // namespace

TEST_CASE("questions are read from the rows of a file, as many as wanted") {
    const lamina_tests::ScratchFolder folder;
    const auto path = lamina_tests::write(folder / "items", R"({"goal": "Boil.", "sol1": "a", "sol2": "b", "label": 1}
{"goal": "Freeze.", "sol1": "c", "sol2": "d", "label": "0"}
{"broken)");
    const auto questions = read_questions<own_task::Piqa>(path, 2);
    REQUIRE(questions.size() == 2);
    CHECK(questions[0].context == "Question: Boil.\nAnswer:");
    CHECK(questions[0].choices == std::vector<std::string>{"a", "b"});
    CHECK(questions[0].gold == 1);
    CHECK(questions[1].gold == 0);
    CHECK(questions[1].where == path.string() + ": line 2");
    CHECK(read_questions<own_task::Piqa>(path, 0).empty());
    CHECK_THROWS_AS(read_questions<own_task::Piqa>(path), lamina::FileError);
}

TEST_CASE("a label that is none is refused with file, line and field") {
    const std::string expected = ", expected a whole number below 2";
    CHECK(label_error("2") == "items: line 1: field \"label\" is 2" + expected);
    CHECK(label_error("-1") == "items: line 1: field \"label\" is -1" + expected);
    CHECK(label_error("1.0") == "items: line 1: field \"label\" is 1.0" + expected);
    CHECK(label_error("\"\"") == "items: line 1: field \"label\" is \"\"" + expected);
    CHECK(label_error("\"1 \"") == "items: line 1: field \"label\" is \"1 \"" + expected);
    CHECK(label_error("\"99999999999999999999\"") ==
          "items: line 1: field \"label\" is \"99999999999999999999\"" + expected);
    CHECK(label_error("{\"a\": 1}") == "items: line 1: field \"label\" is object" + expected);
    CHECK(label_error("[" + std::string(200000, '[') + std::string(200000, ']') + "]") ==
          "items: line 1: field \"label\" is array" + expected);
    CHECK(label_error("null") == "items: line 1: field \"label\" is null" + expected);
    CHECK(error_in<own_task::Piqa>(R"({"goal": "g", "sol1": "a", "sol2": "b"})") ==
          "items: line 1: field \"label\" is missing");
}

TEST_CASE("choices are a list of strings that say something") {
    CHECK(error_in<Choices<0>>(R"({"choices": []})") ==
          "items: line 1: field \"choices\" has 0 entries, expected at least one");
    CHECK(error_in<Choices<2>>(R"({"choices": ["a"]})") ==
          "items: line 1: field \"choices\" has 1 entries, expected 2");
    CHECK(error_in<Choices<2>>(R"({"choices": ["a", " \u00a0"]})") == "items: line 1: field \"choices[1]\" is empty");
    CHECK(error_in<Choices<2>>(R"({"choices": ["a", 1]})") ==
          "items: line 1: field \"choices[1]\" is 1, expected a string");
    CHECK(error_in<Choices<2>>(R"({"choices": ["a", "b"]})") == "no error");
}

TEST_CASE("a choice in a field of its own says something, too") {
    CHECK(error_in<OneChoice>(R"({"choice": " a"})") == "no error");
    CHECK(error_in<OneChoice>(R"({"choice": "\t"})") == "items: line 1: field \"choice\" is empty");
    CHECK(error_in<OneChoice>(R"({"choice": 1})") == "items: line 1: field \"choice\" is 1, expected a string");
}

TEST_CASE("a question needs choices, and one of them right") {
    CHECK(error_in<Bare>(R"({"choices": []})") == "items: line 1: there are no choices");
    CHECK(error_in<Bare>(R"({"choices": ["a"]})") ==
          "items: line 1: the right choice is 1, expected a whole number below 1");
}
