// SPDX-License-Identifier: MIT
// Catch2 2's main, for the distributions whose package brings only the header; it takes half a minute to compile.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
