// SPDX-License-Identifier: MIT
#include "common/help_text.hpp"

#include "common/flags.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include "support/catch.hpp"

TEST_CASE("help has a column for flags and one for what they are, in lines of 80 characters at most") {
    CLI::App app{"Writes after a prompt with a model of any kind, which is a description that does not fit one line.",
                 "program"};
    app.set_help_flag("-h,--help", "print this and stop");
    std::size_t tokens = 100;
    bool control = false;
    std::string model;
    std::vector<std::string> texts;
    std::string hidden;
    common::add_count(app, "--tokens", tokens, "to write, fewer where the text ends before that many were written");
    app.add_flag("--control,!--no-control", control, "also train a control");
    common::add_word(app, "--model", model, "of what is read", {"nano", "gpt2", "gpt2-medium"})->required();
    app.add_option("--text", texts, "to train on")->type_name("FILE")->check(CLI::Range(1, 5));
    app.add_option("--hidden", hidden, "nobody's business")->group("");
    app.add_option("--other", hidden, "of another group")->group("More");
    CHECK(common::help_text(app) == R"(Writes after a prompt with a model of any kind, which is a description that does
not fit one line.

Usage: program [flags]

Flags:
  -h, --help              print this and stop
  --tokens N              to write, fewer where the text ends before that many
                          were written (default: 100)
  --control, --no-control
                          also train a control
  --model nano|gpt2|gpt2-medium
                          of what is read (required)
  --text FILE ...         to train on

More:
  --other TEXT            of another group
)");
}
