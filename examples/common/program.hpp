// SPDX-License-Identifier: MIT
// run_program: what every program's main does around its work.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>

namespace common {

/// Reads the command line, then calls `work()`; what is wrong with either is one line on standard error, after the
/// program's name. Returns the exit code.
template <class Work>
[[nodiscard]] int run_program(CLI::App& app, int argc, char** argv, const Work& work) {
    app.failure_message([](const CLI::App* program, const CLI::Error& error) {
        return program->get_name() + ": " + error.what() + "\n";
    });
    CLI11_PARSE(app, argc, argv);
    try {
        work();
        return 0;
    } catch (const std::exception& error) {
        std::fflush(stdout);
        std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), error.what());
        return 1;
    }
}

}  // namespace common
