// SPDX-License-Identifier: MIT
// run_program: what every program's main does around its work.
#pragma once

#include "help_text.hpp"

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

namespace common {

/// What a program's exit code says (docs/files.md, "Exit codes").
enum class Exit : int {
    succeeded = 0,
    failed = 1,              ///< a file, a device or a computation
    command_line_wrong = 2,  ///< a flag, or flags that do not fit one another or what they name
    diverged = 3,            ///< a number of a training run became NaN or infinite
};

namespace detail {

/// What is wrong with the command line, in one line.
[[nodiscard]] inline std::string problem_of(const CLI::App& app, const CLI::ParseError& error) {
    if (const std::vector<std::string> unknown = app.remaining(); !unknown.empty()) {
        return lamina::printable(unknown.front()) + " is no flag of " + app.get_name() + "; --help lists them";
    }
    const std::string said = error.what();
    const std::string flag = said.substr(0, said.find(':'));
    const CLI::Option* const option = flag.starts_with("--") ? app.get_option_no_throw(flag) : nullptr;
    if (error.get_name() == "ArgumentMismatch" && option != nullptr) {
        if (option->count() <= 1) return flag + " lacks its value, expected " + names_of(*option);
        return flag + " is given " + std::to_string(option->count()) + " times, expected once";
    }
    return lamina::printable(said, 400);
}

inline void flush_output() {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
    throw lamina::FileError("standard output", "cannot be written: " + std::generic_category().message(errno));
}

}  // namespace detail

/// Reads the command line, then calls `work()`; what is wrong with either, or with the output, is one line on standard
/// error, after the program's name. Returns the exit code.
template <class Work>
[[nodiscard]] int run_program(CLI::App& app, int argc, char** argv, const Work& work) {
    const auto tell = [&app](const std::string& problem, Exit code) {
        std::fflush(stdout);
        std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), problem.c_str());
        return static_cast<int>(code);
    };
    app.get_help_ptr()->description("print this and stop");
    try {
        try {
            app.parse(argc, argv);
            work();
        } catch (const CLI::CallForHelp&) {
            std::fputs(help_text(app).c_str(), stdout);
        }
        detail::flush_output();
        return static_cast<int>(Exit::succeeded);
    } catch (const CLI::ParseError& error) {
        return tell(detail::problem_of(app, error), Exit::command_line_wrong);
    } catch (const lamina::ArgumentError& error) {
        return tell(error.what(), Exit::command_line_wrong);
    } catch (const lamina::NonFiniteError& error) {
        return tell(error.what(), Exit::diverged);
    } catch (const std::exception& error) {
        return tell(error.what(), Exit::failed);
    }
}

}  // namespace common
