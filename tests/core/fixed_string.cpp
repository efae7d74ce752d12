// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include <lamina/core/fixed_string.hpp>

#include "support/catch.hpp"

using lamina::FixedString;

namespace {

template <FixedString Name>
struct Named {
    static constexpr std::string_view name = Name.view();
};

constexpr FixedString<16> joined(std::string_view first, std::string_view second) {
    return FixedString<16>(first).append(".").append(second);
}

}  // namespace

// A literal can be a template argument, and equal text is the same type.
static_assert(Named<"ln_1">::name == "ln_1");
static_assert(std::is_same_v<Named<"ln_1">, Named<FixedString("ln_1")>>);
static_assert(!std::is_same_v<Named<"ln_1">, Named<"ln_2">>);
static_assert(Named<"">::name.empty());

// It can be composed at compile time, and what was composed is a template argument again.
static_assert(joined("h.0", "ln_1").view() == "h.0.ln_1");
static_assert(Named<joined("h.0", "ln_1")>::name == "h.0.ln_1");
static_assert(joined("a", "b") == joined("a", "b") && joined("a", "b") != joined("a", "c"));

static_assert(std::is_same_v<decltype(FixedString("four")), FixedString<4>>);
static_assert(FixedString<8>().view().empty());
static_assert(std::is_trivially_copyable_v<FixedString<8>>);
static_assert(std::is_convertible_v<const char (&)[5], FixedString<4>>);
static_assert(!std::is_convertible_v<std::string_view, FixedString<4>>, "text of unknown length may not fit");

TEST_CASE("a fixed string holds exactly its capacity", "[core]") {
    CHECK(FixedString<4>(std::string_view("four")).view() == "four");
    CHECK_THROWS_AS(FixedString<4>(std::string_view("fives")), std::logic_error);
    FixedString<4> text("fo");
    text.append("u").append("r");
    CHECK(text.view() == "four");
    CHECK_THROWS_AS(text.append("s"), std::logic_error);
}

TEST_CASE("a fixed string is also built from text that is known only at run time", "[core]") {
    const std::string layer = "h." + std::to_string(11);
    CHECK(joined(layer, "mlp").view() == "h.11.mlp");
}
