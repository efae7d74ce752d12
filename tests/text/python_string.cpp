// SPDX-License-Identifier: MIT
// The expected values are Python's.
#include <lamina/text/python_string.hpp>

#include "support/catch.hpp"

using namespace lamina::text;

static_assert(strip(" \t\x1c a b \n\x1f") == "a b");
static_assert(strip("   ").empty() && strip("").empty());
static_assert(strip_right(" a\u00A0\u2003\u3000") == " a");
static_assert(strip("\u200Ba\u200B") == "\u200Ba\u200B", "a zero width space is no space to Python");
static_assert(code_points("") == 0 && code_points("naïve 😀") == 7);

TEST_CASE("capitalized is Python's capitalize") {
    CHECK(capitalized("") == "");
    CHECK(capitalized("he") == "He");
    CHECK(capitalized("[step] You will NEED Flour.") == "[step] you will need flour.");
    CHECK(capitalized("éCOLE ÉCOLE") == "École école");
    CHECK(capitalized("ßA") == "Ssa");
    CHECK(capitalized("ǆǄ") == "ǅǆ");
    CHECK(capitalized("xİ") == "Xi\u0307");
    CHECK(capitalized("ΟΔΟΣ ΣΑΣ.") == "Οδος σας.");
    CHECK(capitalized("ΑΣ'Β ΑΣ.Β ΑΣ' Β") == "Ασ'β ασ.β ας' β");
    CHECK(capitalized("Α\u0301Σ ΑΣ\u0301 ªΣ ʰΣ xΣⅣ") == "Α\u0301ς ας\u0301 ªς ʰσ xσⅳ");
    CHECK(capitalized("1ABC") == "1abc");
}

TEST_CASE("bytes that are no UTF-8 pass through") {
    CHECK(capitalized("a\xff"
                      "B") ==
          "A\xff"
          "b");
    CHECK(strip("\xff ") == "\xff");
    CHECK(code_points("a\xff"
                      "b") == 3);
}
