// SPDX-License-Identifier: MIT
// One face for Catch2 2 and 3, and a way to skip a test with its reason.
#pragma once

#include <string>

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>
#include <concepts>
#include <string_view>

using Catch::Approx;  // global in Catch2 2

namespace Catch::Matchers {
/// Catch2 2's name for a substring; Catch2 3 alone reads `Contains` as "has this element".
template <typename Text>
requires std::convertible_to<Text, std::string_view>
auto Contains(Text&& text) { return ContainsSubstring(std::string(std::string_view(text))); }
}  // namespace Catch::Matchers
#else
#include <catch2/catch.hpp>

namespace Catch::Matchers {
/// Catch2 3's name for what Catch2 2 calls `Contains`.
inline auto ContainsSubstring(const std::string& text) { return Contains(text); }
}  // namespace Catch::Matchers
#endif

namespace lamina_tests {

/// Remembers why the running test is skipped. CTest shows the test as "Skipped", unless one of its assertions fails.
void note_skip(const std::string& reason);

/// Empty, unless a suite sets it while it is being initialised: then each of its tests is skipped for this reason.
std::string& reason_to_skip_all();

}  // namespace lamina_tests

/// Ends the test here, in the body of a TEST_CASE or SECTION, because something it needs is absent.
#define LAMINA_SKIP(reason)                \
    do {                                   \
        ::lamina_tests::note_skip(reason); \
        return;                            \
    } while (false)
