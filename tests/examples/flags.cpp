// SPDX-License-Identifier: MIT
#include "common/flags.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace common;

namespace {

enum class Colour { red, green };

struct Values {
    std::size_t tokens = 100;
    std::size_t top_k = 0;
    std::uint64_t seed = 42;
    std::uint32_t narrow = 1;
    std::optional<std::size_t> limit;
    double temperature = 1;
    double top_p = 1;
    double beta = 0.9;
    std::optional<double> rate;
    Colour colour = Colour::green;
    std::optional<Colour> other;
    std::string model;
    std::vector<std::string> sizes{"small"};
};

/// Flags of every kind, read from these words.
struct Line {
    CLI::App app{"", "program"};
    Values values;

    Line() {
        add_count(app, "--tokens", values.tokens, "to write", {.least = 1});
        add_count(app, "--top-k", values.top_k, "how many", {.note = "0: all tokens"});
        add_count(app, "--seed", values.seed, "of the drawing", any_count);
        add_count(app, "--narrow", values.narrow, "of 32 bits", any_count);
        add_count(app, "--limit", values.limit, "so many", {.least = 1, .most = 5});
        add_number(app, "--temperature", values.temperature, "of the drawing", {.least = 0, .note = "0: greedy"});
        add_number(app, "--top-p", values.top_p, "this much", {.above = 0, .most = 1});
        add_number(app, "--beta", values.beta, "of AdamW", {.least = 0, .below = 1});
        add_number(app, "--rate", values.rate, "any");
        add_choice(app, "--colour", values.colour, "of it", {{"red", Colour::red}, {"green", Colour::green}});
        add_choice(app, "--other", values.other, "of it", {{"red", Colour::red}});
        add_word(app, "--model", values.model, "which", {"nano", "gpt2", "gpt2-xl"});
        add_words(app, "--size", values.sizes, "which", {"small", "medium"});
    }

    /// What is wrong with them, or "".
    std::string read(const std::vector<std::string>& words) {
        try {
            app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
        } catch (const CLI::ParseError& error) {
            return error.what();
        }
        return "";
    }
};

std::string problem_with(const std::string& flag, const std::string& value) { return Line().read({flag, value}); }

}  // namespace

TEST_CASE("flags take what they should, and leave the rest as it was") {
    Line line;
    CHECK(line.read({"--tokens", "7", "--seed=18446744073709551615", "--limit", "5", "--temperature", "1e-4", "--top-p",
                     "0.25", "--rate", "-2.5", "--colour", "red", "--other", "red", "--model", "gpt2-xl", "--size",
                     "medium,small"}) == "");
    const Values& values = line.values;
    CHECK((values.tokens == 7 && values.seed == std::numeric_limits<std::uint64_t>::max() && values.limit == 5));
    CHECK((values.temperature == 1e-4 && values.top_p == 0.25 && values.rate == -2.5 && values.beta == 0.9));
    CHECK((values.colour == Colour::red && values.other == Colour::red && values.model == "gpt2-xl"));
    CHECK(values.sizes == std::vector<std::string>{"medium", "small"});
    CHECK(values.top_k == 0);
    CHECK_FALSE(Line().values.limit.has_value());
}

TEST_CASE("counts are digits and nothing else, and say what they may be") {
    CHECK(problem_with("--top-k", "-1") == "--top-k is -1, expected 0 or more (0: all tokens)");
    CHECK(problem_with("--tokens", "0") == "--tokens is 0, expected 1 or more");
    CHECK(problem_with("--seed", "-1") == "--seed is -1, expected 0 or more");
    CHECK(problem_with("--limit", "6") == "--limit is 6, expected 1 to 5");
    CHECK(problem_with("--limit", "-0") == "--limit is -0, expected 1 to 5");
    CHECK(problem_with("--tokens", "99999999999999999999") ==
          "--tokens is 99999999999999999999, expected 1 to 1000000000000");
    CHECK(problem_with("--seed", "18446744073709551616") ==
          "--seed is 18446744073709551616, expected 0 to 18446744073709551615");
    CHECK(problem_with("--narrow", "4294967296") == "--narrow is 4294967296, expected 0 to 4294967295");
    CHECK(problem_with("--tokens", "1.5") == "--tokens is 1.5, expected a whole number, 1 or more");
    CHECK(problem_with("--tokens", "+5") == "--tokens is +5, expected a whole number, 1 or more");
    for (const char* nonsense : {"", " 5", "5 ", "1e3", "0x10", "1'000", "1_000", "many", "nan", "-", "--", "5,6"}) {
        CHECK(problem_with("--tokens", nonsense) ==
              "--tokens is \"" + std::string(nonsense) + "\", expected a whole number, 1 or more");
    }
}

TEST_CASE("numbers are finite and of their interval") {
    CHECK(problem_with("--temperature", "-1") == "--temperature is -1, expected 0 or more (0: greedy)");
    CHECK(problem_with("--top-p", "0") == "--top-p is 0, expected more than 0 and at most 1");
    CHECK(problem_with("--top-p", "1.01") == "--top-p is 1.01, expected more than 0 and at most 1");
    CHECK(problem_with("--beta", "1") == "--beta is 1, expected 0 or more and less than 1");
    for (const char* nonsense : {"nan", "-nan", "inf", "infinity", "1e999", "x", "1,5", "0x1p3", "", "1 "}) {
        CHECK(problem_with("--temperature", nonsense) ==
              "--temperature is \"" + std::string(nonsense) + "\", expected a number, 0 or more (0: greedy)");
        CHECK(problem_with("--rate", nonsense) == "--rate is \"" + std::string(nonsense) + "\", expected a number");
    }
}

TEST_CASE("choices are words, and a wrong one is answered with all of them") {
    CHECK(problem_with("--colour", "blue") == "--colour is \"blue\", expected red or green");
    CHECK(problem_with("--colour", "1") == "--colour is 1, expected red or green");
    CHECK(problem_with("--colour", "Red") == "--colour is \"Red\", expected red or green");
    CHECK(problem_with("--model", "") == "--model is \"\", expected nano, gpt2 or gpt2-xl");
    CHECK(problem_with("--size", "small,huge") == "--size is \"huge\", expected small or medium");
    CHECK(problem_with("--size", "small,") == "--size is \"\", expected small or medium");
    CHECK(problem_with("--model", "\x1b[31m\n") == "--model is \"\\x1b[31m\\x0a\", expected nano, gpt2 or gpt2-xl");
}

TEST_CASE("defaults and choices are shown as they are typed") {
    const Line line;
    const auto shown = [&](const char* flag) {
        const CLI::Option* const option = line.app.get_option_no_throw(flag);
        return option->get_type_name() + "; " + option->get_default_str();
    };
    CHECK(shown("--tokens") == "N; 100");
    CHECK(shown("--limit") == "N; ");
    CHECK(shown("--beta") == "X; 0.9");
    CHECK(shown("--rate") == "X; ");
    CHECK(shown("--colour") == "red|green; green");
    CHECK(shown("--other") == "red; ");
    CHECK(shown("--model") == "nano|gpt2|gpt2-xl; ");
    CHECK(shown("--size") == "small|medium,...; small");
}
