// SPDX-License-Identifier: MIT
// Question: one item of a multiple-choice task, as text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace lamina::eval {

/// A context and what may follow it. Each choice is scored with one space before it, which is no part of its text.
struct Question {
    std::string context;               ///< empty: choices are scored after an end-of-text token
    std::vector<std::string> choices;  ///< at least one
    std::size_t gold = 0;              ///< index of the right choice
    std::string where = {};            ///< "FILE: line N", for messages; filled in by the reader
};

}  // namespace lamina::eval
