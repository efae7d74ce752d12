// SPDX-License-Identifier: MIT
#include <lamina/eval/hellaswag.hpp>

#include "eval/support.hpp"
#include "support/catch.hpp"

using namespace lamina::eval;
using lamina_tests::error_of_file;

namespace {

Question asked(const std::string& text) {
    const lamina_tests::ScratchFolder folder;
    return read_questions<HellaSwag>(lamina_tests::write(folder / "items", text)).at(0);
}

std::string error_in_hellaswag(std::string_view text) {
    return error_of_file(text, [](const std::filesystem::path& path) { return read_questions<HellaSwag>(path); });
}

}  // namespace

TEST_CASE("marks of WikiHow are cleaned away as the harness does") {
    CHECK(clean_hellaswag(" \u00a0a\n") == "a");
    CHECK(clean_hellaswag("How to [title] b [title]c") == "How to. b. c");
    CHECK(clean_hellaswag("[header] a [step] b") == " a b");  // stripped before the brackets go
    CHECK(clean_hellaswag("a  b   c    d") == "a b  c  d");   // one pass
    CHECK(clean_hellaswag("a [b [c] d] e") == "a d] e");
    CHECK(clean_hellaswag("a [b\nc] d") == "a [b\nc] d");
    CHECK(clean_hellaswag("a [b\n[c] d") == "a [b\n d");
    CHECK(clean_hellaswag("a [b") == "a [b");
    CHECK(clean_hellaswag("a ] [] b") == "a ] b");
    CHECK(clean_hellaswag("[title] a") == " a");
}

// Examples of the rules in docs/evaluation.md, "HellaSwag".
TEST_CASE("HellaSwag's rows become the published questions") {
    const Question first =
        asked(R"({"activity_label": "Baking bread", "ctx_a": "[header] How to bake bread [title] Gather your items.", )"
              R"("ctx_b": "[step] You will NEED Flour.", "label": "2", "endings": )"
              R"(["[substeps] Use warm  water.   Then wait. ", "b", "c", "d"]})");
    CHECK(first.context == "Baking bread: How to bake bread. Gather your items. you will need flour.");
    CHECK(first.choices == std::vector<std::string>{" Use warm water.  Then wait.", "b", "c", "d"});
    CHECK(first.gold == 2);

    const Question second =
        asked(R"({"activity_label": "Roof work", "ctx_a": "A man is sitting on a roof.", "ctx_b": "he", "label": 0, )"
              R"("endings": [" starts pulling up roofing.", "b", "c", "d"]})");
    CHECK(second.context == "Roof work: A man is sitting on a roof. He");
    CHECK(second.choices[0] == "starts pulling up roofing.");

    const Question third =
        asked(R"({"activity_label": "Tag end", "ctx_a": "A thing happens", "ctx_b": "now [step] ", "label": 0, )"
              R"("endings": ["  spaced   out  ", "b", "c", "d"]})");
    CHECK(third.context == "Tag end: A thing happens Now ");
    CHECK(third.choices[0] == "spaced  out");
}

TEST_CASE("HellaSwag's context is made of two parts, an empty second one included, and never of the finished one") {
    const std::string rest = R"("activity_label": "A", "label": 0, "endings": ["a", "b", "c", "d"]})";
    CHECK(asked(R"({"ctx_a": "b", "ctx_b": "", )" + rest).context == "A: b");
    CHECK(asked(R"({"ctx": "ignored", "ctx_a": "b", "ctx_b": "C D", )" + rest).context == "A: b C d");
    CHECK(error_in_hellaswag(R"({"ctx": "b c", )" + rest) == "items: line 1: field \"ctx_a\" is missing");
}

TEST_CASE("bad HellaSwag rows are refused with file, line and field") {
    const std::string start = R"({"activity_label": "A", "ctx_a": "b", "ctx_b": "c", )";
    const std::string fine = start + R"("label": 3, "endings": ["a", "b", "c", "d"]})";
    CHECK(error_in_hellaswag(fine) == "no error");
    CHECK(error_in_hellaswag(fine + "\n{}") == "items: line 2: field \"activity_label\" is missing");
    CHECK(error_in_hellaswag(R"({"activity_label": "A", "ctx_a": "b"})") ==
          "items: line 1: field \"ctx_b\" is missing");
    CHECK(error_in_hellaswag(R"({"activity_label": "A", "ctx_b": "b"})") ==
          "items: line 1: field \"ctx_a\" is missing");
    CHECK(error_in_hellaswag(start + R"("label": 0})") == "items: line 1: field \"endings\" is missing");
    CHECK(error_in_hellaswag(start + R"("label": 0, "endings": ["a", "b", "c"]})") ==
          "items: line 1: field \"endings\" has 3 entries, expected 4");
    CHECK(error_in_hellaswag(start + R"("label": 0, "endings": ["a", "b", "c", " "]})") ==
          "items: line 1: field \"endings[3]\" is empty");
    CHECK(error_in_hellaswag(start + R"("label": "4", "endings": ["a", "b", "c", "d"]})") ==
          "items: line 1: field \"label\" is \"4\", expected a whole number below 4");
    CHECK(error_in_hellaswag(start + R"("label": 0, "endings": ["a", "b", "c)") ==
          "items: line 1: is not JSON in UTF-8, at byte 89");
}

TEST_CASE("HellaSwag's rows in the shared data are all questions", "[text]") {
    const std::filesystem::path path = lamina_tests::shared("data/hellaswag/hellaswag_val_original_1000.jsonl");
    if (!std::filesystem::exists(path)) LAMINA_SKIP("there is no " + path.string());
    const auto questions = read_questions<HellaSwag>(path);
    CHECK(questions.size() == 1000);
    for (const Question& question : questions) {
        INFO(question.where);
        CHECK(question.context.find("[title]") == std::string::npos);
        CHECK(question.choices.size() == 4);
    }
}
