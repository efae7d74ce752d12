// SPDX-License-Identifier: MIT
// told: tells of a mistake at compile time and goes on, so that what follows it can be made silent.
#pragma once

namespace lamina::detail {

/// A place for `Error`, a class that holds the assertions that tell of a mistake, and nothing else.
template <class Error>
inline constexpr Error* mistake = nullptr;

struct NobodysBase {};

/// True, once what is wrong is told: `told(mistake<SomeError<…>>)` where an expression is needed.
///
/// Choosing between the two completes the class, which could have a base, but does not need it complete. Elsewhere
/// clang gives up on more than a class whose assertion fails: on what has it as a base or a member, and on an alias
/// that looks into it; and a requires-expression takes it for a question.
[[nodiscard]] constexpr bool told(const void*) { return true; }
[[nodiscard]] constexpr bool told(const NobodysBase*) { return true; }

}  // namespace lamina::detail
