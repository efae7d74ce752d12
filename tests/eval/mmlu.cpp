// SPDX-License-Identifier: MIT
#include <lamina/eval/mmlu.hpp>

#include "eval/support.hpp"
#include "support/catch.hpp"

using namespace lamina::eval;
using lamina_tests::error_of_file;

namespace {

// Three questions with two examples about "high_tea", as the published folder has them.
class SmallMmlu {
public:
    SmallMmlu() {
        std::filesystem::create_directories(folder_ / "test");
        std::filesystem::create_directories(folder_ / "dev");
        lamina_tests::write(
            folder_ / "test/high_tea_test.csv",
            "\" What is\nserved? \",tea, cake ,\"milk, hot\",none,B\nWhen?,1,2,3,4,D\nWho?,a,b,c,d,A\n");
        lamina_tests::write(folder_ / "dev/high_tea_dev.csv", "Where?,here,there,up,down,C\nWhy?,e,f,g,h,A\n");
    }
    [[nodiscard]] std::filesystem::path path() const { return folder_.path(); }
    [[nodiscard]] std::vector<Question> ask(const MmluOptions& options = {}) const {
        return mmlu_questions(path(), "high_tea", options);
    }

private:
    lamina_tests::ScratchFolder folder_;
};

std::string error_in_mmlu(std::string_view text) { return error_of_file(text, read_mmlu); }

}  // namespace

TEST_CASE("MMLU asks for the letter of a choice") {
    const SmallMmlu mmlu;
    const auto questions = mmlu.ask();
    REQUIRE(questions.size() == 3);
    CHECK(questions[0].context ==
          "The following are multiple choice questions (with answers) about high tea.\n\n"
          "What is\nserved?\nA. tea\nB.  cake \nC. milk, hot\nD. none\nAnswer:");
    CHECK(questions[0].choices == std::vector<std::string>{"A", "B", "C", "D"});
    CHECK(questions[0].gold == 1);
    CHECK(questions[1].gold == 3);
    CHECK(questions[1].where == (mmlu.path() / "test/high_tea_test.csv").string() + ": line 3");
    CHECK(mmlu.ask({.limit = 1}).size() == 1);
    CHECK(mmlu.ask({.limit = 9}).size() == 3);
}

TEST_CASE("MMLU shows the first examples of the dev split with their answers") {
    const SmallMmlu mmlu;
    const auto questions = mmlu.ask({.few_shot = 2, .limit = 2});
    REQUIRE(questions.size() == 2);
    CHECK(questions[1].context ==
          "The following are multiple choice questions (with answers) about high tea.\n\n"
          "Where?\nA. here\nB. there\nC. up\nD. down\nAnswer: C\n\n"
          "Why?\nA. e\nB. f\nC. g\nD. h\nAnswer: A\n\n"
          "When?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:");
    CHECK(lamina_tests::error_text([&mmlu] { static_cast<void>(mmlu.ask({.few_shot = 3})); },
                                   mmlu.path() / "dev/high_tea_dev.csv") ==
          "has 2 questions, expected at least 3 to show as examples");
}

TEST_CASE("bad MMLU rows are refused with file, line and field") {
    const std::string fine = "q,a,b,c,d,A\n";
    CHECK(error_in_mmlu(fine) == "no error");
    CHECK(error_in_mmlu("") == "items: is empty: expected a question a line");
    CHECK(error_in_mmlu(fine + "q,a,b,c,d\n") ==
          "items: line 2: has 5 fields, expected 6: question, four choices and a letter");
    CHECK(error_in_mmlu(fine + "q,a,b,c,d,A,\n") ==
          "items: line 2: has 7 fields, expected 6: question, four choices and a letter");
    CHECK(error_in_mmlu(fine + "\" \",a,b,c,d,A\n") == "items: line 2: field 1, the question, is empty");
    CHECK(error_in_mmlu(fine + "q,a,,c,d,A\n") == "items: line 2: field 3, a choice, is empty");
    for (const std::string letter : {"E", "a", "", "AB", "1"}) {
        CHECK(error_in_mmlu(fine + "q,a,b,c,d," + letter + "\n") ==
              "items: line 2: field 6, the answer, is \"" + letter + "\", expected A, B, C or D");
    }
    CHECK(error_in_mmlu(fine + "\"q,a,b,c,d,A\n") == "items: line 2: a quoted field begins here and does not end");
    CHECK(error_in_mmlu(fine + "q,a,b\xC3,c,d,A\n") == "items: line 2: is not UTF-8");
    CHECK_THROWS_AS(mmlu_questions("no such folder", "anatomy"), lamina::FileError);
}

TEST_CASE("MMLU's subjects in the shared data have their published sizes", "[text]") {
    const std::filesystem::path folder = lamina_tests::shared("data/mmlu");
    if (!std::filesystem::exists(folder)) LAMINA_SKIP("there is no " + folder.string());
    for (const MmluSubject& subject : mmlu_subjects) {
        INFO(subject.name);
        CHECK(mmlu_questions(folder, subject.name, {.few_shot = 5}).size() == subject.test_questions);
    }
}
