// SPDX-License-Identifier: MIT
#include <lamina/io/results_table.hpp>

#include "support/catch.hpp"

#include <lamina/core/expects.hpp>

#include <cmath>
#include <limits>
#include <optional>

using namespace lamina::io;

TEST_CASE("a results table is laid out as the published one") {
    ResultsTable table("state", {{.heading = "loss", .decimals = 4, .differences = Differences::shown},
                                 {.heading = "perplexity", .decimals = 2}});
    table.add_row("pretrained", {2.79261, 16.324});
    table.add_row("control", {2.79261, 16.324});
    table.add_row("LN removed", {2.78, 16.119});
    table.add_row("folded", {3.25351, 25.881});
    CHECK(table.markdown() ==
          "| state      |   loss |  Δ loss | perplexity |\n"
          "| ---------- | -----: | ------: | ---------: |\n"
          "| pretrained | 2.7926 |         |      16.32 |\n"
          "| control    | 2.7926 |  0.0000 |      16.32 |\n"
          "| LN removed | 2.7800 | -0.0126 |      16.12 |\n"
          "| folded     | 3.2535 | +0.4609 |      25.88 |\n");
}

TEST_CASE("a results table shows what was not measured as nothing, and what is no number as itself") {
    ResultsTable table("a|b", {{.heading = "x", .decimals = 1, .differences = Differences::shown}});
    table.add_row("Größe", {1.0});
    table.add_row("two\nlines", {std::nullopt});
    table.add_row("nan", {-std::numeric_limits<double>::quiet_NaN()});
    table.add_row("inf", {std::numeric_limits<double>::infinity()});
    table.add_row("huge", {1e300});
    table.add_row("little less", {0.99});
    CHECK(table.markdown() ==
          "| a\\|b        |        x |       Δ x |\n"
          "| ----------- | -------: | --------: |\n"
          "| Größe       |      1.0 |           |\n"
          "| two lines   |          |           |\n"
          "| nan         |      nan |       nan |\n"
          "| inf         |      inf |      +inf |\n"
          "| huge        | 1.0e+300 | +1.0e+300 |\n"
          "| little less |      1.0 |       0.0 |\n");
}

TEST_CASE("a results table without rows or columns is still a table") {
    CHECK(ResultsTable("model", {}).markdown() == "| model |\n| ----- |\n");
}

TEST_CASE("a results table wants one value per column") {
    ResultsTable table("model", {{.heading = "loss"}});
    CHECK_THROWS_AS(table.add_row("x", {1.0, 2.0}), lamina::ArgumentError);
    CHECK_THROWS_WITH(table.add_row("x", {1.0, 2.0}),
                      "lamina: ResultsTable::add_row: 2 values, expected 1, one per column");
    CHECK_THROWS_AS(table.add_row("x", {}), lamina::ArgumentError);
}
