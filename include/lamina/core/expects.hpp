// SPDX-License-Identifier: MIT
// LAMINA_EXPECTS: a caller's contract, checked in debug and test builds.
#pragma once

#include <stdexcept>

namespace lamina {

/// Thrown by LAMINA_EXPECTS where checks are on: the calling program has a bug.
class ContractViolation : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

}  // namespace lamina

// Checks are on unless NDEBUG is defined; LAMINA_CHECKED=0 or 1 decides it explicitly.
#ifndef LAMINA_CHECKED
#ifdef NDEBUG
#define LAMINA_CHECKED 0
#else
#define LAMINA_CHECKED 1
#endif
#endif

#if LAMINA_CHECKED
#define LAMINA_EXPECTS(condition, sentence) \
    static_cast<void>((condition) ? 0 : throw ::lamina::ContractViolation("lamina: " sentence))
#else
#define LAMINA_EXPECTS(condition, sentence) static_cast<void>(sizeof((condition) ? 1 : 0))
#endif
