// SPDX-License-Identifier: MIT
#include "common/program.hpp"

#include "common/flags.hpp"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace {

struct Program {
    CLI::App app{"A program.", "program"};
    std::size_t steps = 3;
    std::string name;

    Program() {
        common::add_count(app, "--steps", steps, "how many");
        app.add_option("--name", name, "of it")->type_name("WORD");
    }

    /// What it says of a wrong command line.
    std::string problem_with(std::vector<const char*> words) {
        words.insert(words.begin(), "program");
        try {
            app.parse(static_cast<int>(words.size()), words.data());
        } catch (const CLI::ParseError& error) {
            return common::detail::problem_of(app, error);
        }
        return "";
    }
};

/// The exit code of a program whose work throws `Error`.
template <class Error>
int code_after() {
    Program program;
    std::array<char, 8> name{"program"};
    std::array<char*, 2> words{name.data(), nullptr};
    return common::run_program(program.app, 1, words.data(), [] { throw Error("wanted by a test"); });
}

}  // namespace

TEST_CASE("what is wrong with a command line is one line that names the flag") {
    CHECK(Program().problem_with({"--steps", "5", "--name", "a"}) == "");
    CHECK(Program().problem_with({"--bogus"}) == "--bogus is no flag of program; --help lists them");
    CHECK(Program().problem_with({"--bo\x1bgus=1"}) == "--bo\\x1bgus=1 is no flag of program; --help lists them");
    CHECK(Program().problem_with({"--steps", "5", "6"}) == "6 is no flag of program; --help lists them");
    CHECK(Program().problem_with({"--steps"}) == "--steps lacks its value, expected --steps N");
    CHECK(Program().problem_with({"--steps", "5", "--name"}) == "--name lacks its value, expected --name WORD");
    CHECK(Program().problem_with({"--steps", "5", "--steps", "6"}) == "--steps is given 2 times, expected once");
    CHECK(Program().problem_with({"--steps", "-5"}) == "--steps is -5, expected 0 or more");
}

TEST_CASE("the exit code tells a wrong command line from work that failed") {
    CHECK(code_after<lamina::ArgumentError>() == 2);
    CHECK(code_after<lamina::Error>() == 1);
    CHECK(code_after<std::runtime_error>() == 1);
    CHECK(code_after<CLI::ValidationError>() == 2);
}
