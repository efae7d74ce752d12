// SPDX-License-Identifier: MIT
// What a backend has done in another way than it was asked to, for the programs that use it to print.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace common {

/// One sentence each, since the last call; a backend that knows only one way has none.
template <class B>
[[nodiscard]] std::vector<std::string> notes_of(B& backend) {
    if constexpr (requires { backend.take_notes(); }) return backend.take_notes();
    return {};
}

/// Each on a line of its own.
inline void print_notes(std::FILE* to, const std::vector<std::string>& notes) {
    for (const std::string& note : notes) std::fprintf(to, "note     %s\n", note.c_str());
}

}  // namespace common
