// SPDX-License-Identifier: MIT
#include <lamina/eval/csv.hpp>

#include "eval/support.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

using lamina::eval::CsvRow;
using lamina::eval::read_csv;
using lamina_tests::error_of_file;

namespace {

std::vector<CsvRow> rows_of(std::string_view text) {
    const lamina_tests::ScratchFolder folder;
    return read_csv(lamina_tests::write(folder / "rows.csv", text));
}

using Fields = std::vector<std::string>;

}  // namespace

TEST_CASE("a quoted field keeps commas, quotes and line breaks, and the next row knows its line") {
    const auto rows = rows_of("a,\"b, \"\"c\"\"\nd\",\n\n\"\",e\r\nlast,\"f\"");
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].fields == Fields{"a", "b, \"c\"\nd", ""});
    CHECK(rows[0].line == 1);
    CHECK(rows[1].fields == Fields{"", "e"});
    CHECK(rows[1].line == 4);
    CHECK(rows[2].fields == Fields{"last", "f"});
    CHECK(rows[2].line == 5);
}

TEST_CASE("a quote inside a field that does not begin with one is itself, and white space is kept") {
    const auto rows = rows_of("5\" , 6\r7,8\n");
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].fields == Fields{"5\" ", " 6"});
    CHECK(rows[1].fields == Fields{"7", "8"});
    CHECK(rows[1].line == 2);
}

TEST_CASE("a byte order mark is no part of the first field") {
    CHECK(rows_of("\xEF\xBB\xBF\"a\",b\n")[0].fields == Fields{"a", "b"});
}

TEST_CASE("an empty file has no rows") { CHECK(rows_of("").empty()); }

TEST_CASE("bad CSV is refused with its line") {
    CHECK(error_of_file("a,b\nc,\"d\ne,f\n", read_csv) == "items: line 2: a quoted field begins here and does not end");
    CHECK(error_of_file("\"a\nb\"c,d\n", read_csv) == "items: line 2: text follows the end of a quoted field");
    CHECK(error_of_file("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n", read_csv) ==
          "items: is a Git-LFS pointer in place of the file, not plain text; run git lfs pull in its repository, or "
          "download it again");
    CHECK(error_of_file("a\nb\xFF,c\n", read_csv) == "items: line 2: is not UTF-8");
    CHECK_THROWS_AS(read_csv("no such file"), lamina::FileError);
}
