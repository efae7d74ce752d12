// SPDX-License-Identifier: MIT
#include <lamina/eval/answer_log.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace lamina::eval;
using namespace lamina_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::vector<Question> three{{.context = "a", .choices = {"x", "y"}},
                                  {.context = "b", .choices = {"x", "y"}},
                                  {.context = "c", .choices = {"x", "y"}}};

}  // namespace

TEST_CASE("an interrupted log of answers goes on where it was") {
    const ScratchFolder folder;
    const auto path = folder / "task.jsonl";
    {
        AnswerLog log(path);
        log.append({-0.1, -2});
        log.append({-3, -1e-300});
    }
    const std::string whole = contents(path);
    CHECK(whole ==
          "{\"item\":0,\"log_probabilities\":[-0.1,-2.0]}\n{\"item\":1,\"log_probabilities\":[-3.0,-1e-300]}\n");
    write(path, whole + "{\"item\":2,\"log_pro");
    AnswerLog log = AnswerLog::resume(path, three);
    REQUIRE(log.answers().size() == 2);
    CHECK(log.answers()[1] == Answer{-3, -1e-300});
    log.append({-5, -6});
    CHECK(contents(path) == whole + "{\"item\":2,\"log_probabilities\":[-5.0,-6.0]}\n");
    CHECK(AnswerLog::resume(path, three).answers().size() == 3);
}

TEST_CASE("a log of answers that is missing is an empty one") {
    const ScratchFolder folder;
    CHECK(AnswerLog::resume(folder / "none.jsonl", three).answers().empty());
    CHECK_THROWS_AS(AnswerLog::resume(folder / "none.jsonl", {}), lamina::ArgumentError);
}

TEST_CASE("a log of other questions is refused, naming the line") {
    const ScratchFolder folder;
    const auto refused = [&](const std::string& line, const std::string& problem) {
        const auto path = write(folder / "task.jsonl", line + "\n");
        CHECK_THROWS_WITH(AnswerLog::resume(path, three),
                          ContainsSubstring(path.string() + ": line 1") && ContainsSubstring(problem));
    };
    refused(R"({"item":0,"log_probabilities":[-1,-2,-3]})",
            "has 3 entries, expected 2, one per choice of the question");
    refused(R"({"item":1,"log_probabilities":[-1,-2]})", "\"item\" expected 0");
    refused(R"({"item":0,"log_probabilities":"none"})", "\"log_probabilities\"");
    refused(R"({"item":0})", "\"log_probabilities\"");
    refused(R"({"step":0})", "expected a JSON object with a whole number \"item\"");
}
