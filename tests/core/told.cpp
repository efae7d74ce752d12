// SPDX-License-Identifier: MIT
#include <lamina/core/told.hpp>

using namespace lamina::detail;

namespace {

/// Nothing is wrong.
struct NoError {
    static_assert(true, "lamina: never said");
};
/// What is declared only is taken for no mistake: there is nothing to complete.
struct Incomplete;

// What mistakes make of it is shown by tests/compile_fail.
static_assert(told(mistake<NoError>));
static_assert(told(mistake<Incomplete>));

}  // namespace
