// SPDX-License-Identifier: MIT
// allocate_planned: memory for one part of the plan, whose refusal says which part, and how large it is in all.
#pragma once

#include <cstddef>
#include <string>

#include <lamina/core/error.hpp>

namespace lamina {

/// `bytes` of the `whole` that the plan has for `part`.
///
/// errors   as the backend's `allocate`; to an Error the part and its bytes are added
template <class B>
[[nodiscard]] typename B::Memory allocate_planned(B& backend, std::size_t bytes, std::size_t whole,
                                                  const std::string& part) {
    try {
        return backend.allocate(bytes);
    } catch (Error& error) {
        error.append("; it is for " + part + ", of which the plan has " + std::to_string(whole) + " bytes");
        throw;
    }
}

}  // namespace lamina
