// SPDX-License-Identifier: MIT
// How programs say what they pass over: "PROGRAM: warning: …" on standard error, a line each.
#pragma once

#include <lamina/io/load_options.hpp>

#include <cstdio>
#include <string>
#include <utility>

namespace common {

/// What loads the weights of a program; with `strict` nothing is passed over.
[[nodiscard]] inline lamina::io::LoadOptions load_options(std::string program, bool strict) {
    using lamina::io::OtherTensors;
    return {.others = strict ? OtherTensors::refuse : OtherTensors::ignore,
            .warn = [program = std::move(program)](const std::string& warning) {
                std::fflush(stdout);
                std::fprintf(stderr, "%s: warning: %s\n", program.c_str(), warning.c_str());
            }};
}

inline constexpr const char* strict_text = "refuse tensors of other heads, else ignored";

}  // namespace common
