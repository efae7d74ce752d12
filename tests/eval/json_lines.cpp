// SPDX-License-Identifier: MIT
#include <lamina/eval/json_lines.hpp>

#include "eval/support.hpp"
#include "support/catch.hpp"
#include "text/compressed.hpp"

#include <utility>

using lamina::eval::JsonLines;
using lamina::io::JsonObject;
using lamina_tests::error_of_file;

namespace {

int value_of(const JsonObject& line) { return line.require<int>("n"); }

// The error of reading every row of a file.
std::string error_in_lines(std::string_view text) {
    return error_of_file(text, [](const std::filesystem::path& path) {
        const JsonLines lines(path);
        int sum = 0;
        for (std::size_t row = 0; row < lines.size(); ++row) sum += lines.read(row, value_of);
        return sum;
    });
}

}  // namespace

TEST_CASE("JSON Lines are read in any order, blank lines are passed over but counted") {
    const lamina_tests::ScratchFolder folder;
    const JsonLines lines(lamina_tests::write(folder / "items", "{\"n\": 1}\r\n\n \t\r\n{\"n\": 2}"));
    REQUIRE(lines.size() == 2);
    CHECK(lines.read(1, value_of) == 2);
    CHECK(lines.read(0, value_of) == 1);
    CHECK(lines.where(1) == (folder / "items").string() + ": line 4");
    CHECK_THROWS_AS(lines.read(2, value_of), lamina::ArgumentError);
    CHECK_THROWS_WITH(lines.read(2, value_of),
                      "lamina: JsonLines: row 2, expected one of the 2 of " + (folder / "items").string());
    CHECK_THROWS_AS(lines.where(2), lamina::ArgumentError);
}

TEST_CASE("fields that nobody reads may hold what JSON does not have") {
    const lamina_tests::ScratchFolder folder;
    const JsonLines lines(
        lamina_tests::write(folder / "items", "{\"score\": NaN, \"n\": 1, \"all\": [Infinity, 1e999]}"));
    CHECK(lines.read(0, value_of) == 1);
}

TEST_CASE("JSON Lines are read compressed, from a pipe, behind a byte order mark, and after a move") {
    const std::string text = "\xEF\xBB\xBF{\"n\": 1}\n{\"n\": 2}\n";
    for (const std::string& stored : {text, lamina_tests::gzipped(text), lamina_tests::zstandard(text)}) {
        const lamina_tests::FilledPipe pipe(stored);
        JsonLines lines(pipe.path());
        const JsonLines moved = std::move(lines);
        REQUIRE(moved.size() == 2);
        CHECK(moved.read(1, value_of) == 2);
        CHECK(moved.read(0, value_of) == 1);
    }
}

TEST_CASE("a bad line is refused with its number") {
    CHECK(error_in_lines("") == "items: is empty: expected one JSON object a line");
    CHECK(error_in_lines("\n \n") == "items: is empty: expected one JSON object a line");
    CHECK(error_in_lines("{\"n\": 1}\n{\"n\": 2") == "items: line 2: is not JSON in UTF-8, at byte 8");
    CHECK(error_in_lines("{\"n\": \"\xFF\"}") == "items: line 1: is not JSON in UTF-8, at byte 8");
    CHECK(error_in_lines("{\"n\": 1} {\"n\": 2}") == "items: line 1: is not JSON in UTF-8, at byte 10");
    CHECK(error_in_lines("{\"m\": NaN, \"n\": [1}") == "items: line 1: is not JSON in UTF-8, at byte 19");
    CHECK(error_in_lines("{\"m\": NaN, \"n\": 1") == "items: line 1: is not JSON in UTF-8, at byte 18");
    CHECK(error_in_lines("{\"n\": 1e999}") ==
          "items: line 1: field \"n\" is the string \"1e999\", expected a whole number from -2147483648 to 2147483647");
    CHECK(error_in_lines("../../blobs/4d7a") ==
          "items: is the text of a symbolic link in place of the file, not plain text; copy the folder again with its "
          "links followed (cp -rL), or download it again");
    CHECK(error_in_lines("PAR1\x15") ==
          "items: is a Parquet file, not plain text; write its text as JSON Lines, one {\"text\": ...} a line");
    CHECK(error_in_lines("{\"n\": 1}\n[1]") == "items: line 2: expected a JSON object, found array");
    CHECK(error_in_lines("\n{\"m\": 1}") == "items: line 2: field \"n\" is missing");
    CHECK(error_in_lines("{\"n\": \"1\"}") ==
          "items: line 1: field \"n\" is the string \"1\", expected a whole number from -2147483648 to 2147483647");
}
