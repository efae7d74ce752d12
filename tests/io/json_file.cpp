// SPDX-License-Identifier: MIT
#include <lamina/io/json_file.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace lamina::io;
using namespace lamina_tests;

namespace {

constexpr const char* sample = R"({
  "name": "nano", "layers": 12, "rate": 6e-4, "tied": true, "inner": null, "offset": -3, "huge": 18446744073709551615,
  "adam": {"beta": [0.9, 0.999], "eps": "tiny"},
  "phases": [{"gap": 2}, {"gap": "two"}]
})";

}  // namespace

TEST_CASE("fields of a JSON file are read as the type that is asked for") {
    const ScratchFolder folder;
    const JsonFile file(write(folder / "a.json", sample));
    const JsonObject& object = file.object();
    CHECK(object.require<std::string>("name") == "nano");
    CHECK(object.require<std::size_t>("layers") == 12);
    CHECK(object.require<std::uint64_t>("huge") == std::numeric_limits<std::uint64_t>::max());
    CHECK(object.require<int>("offset") == -3);
    CHECK(object.require<double>("rate") == 6e-4);
    CHECK(object.require<double>("layers") == 12.0);
    CHECK(object.require<bool>("tied"));
    CHECK(object.optional<int>("inner") == std::nullopt);
    CHECK(object.optional<int>("absent") == std::nullopt);
    CHECK(object.optional<int>("layers") == 12);
    CHECK(object.object("adam").require<std::vector<double>>("beta") == std::vector{0.9, 0.999});
    CHECK(object.objects("phases").at(0).require<int>("gap") == 2);
    CHECK(object.contains("tied"));
    CHECK(!object.contains("absent"));
    CHECK(object.keys() ==
          std::vector<std::string>{"name", "layers", "rate", "tied", "inner", "offset", "huge", "adam", "phases"});
}

TEST_CASE("a JSON file can be moved while its objects are in use") {
    const ScratchFolder folder;
    JsonFile file(write(folder / "a.json", sample));
    const JsonObject adam = file.object().object("adam");
    const JsonFile moved(std::move(file));
    CHECK(adam.require<std::string>("eps") == "tiny");
    CHECK(moved.object().require<int>("layers") == 12);
}

TEST_CASE("a wrong field of a JSON file is named, with what was found and what was expected") {
    const ScratchFolder folder;
    const auto path = write(folder / "a.json", sample);
    const JsonFile file(path);
    const JsonObject& object = file.object();
    const auto error = [&](auto action) { return error_text(action, path); };
    CHECK(error_text([&] { static_cast<void>(object.require<int>("heads")); }) ==
          path.string() + ": field \"heads\" is missing");
    CHECK(error([&] { static_cast<void>(object.json("heads")); }) == "field \"heads\" is missing");
    CHECK(object.json("inner").is_null());
    CHECK(error([&] { static_cast<void>(object.require<int>("name")); }) ==
          "field \"name\" is the string \"nano\", expected a whole number from -2147483648 to 2147483647");
    CHECK(error([&] { static_cast<void>(object.require<std::uint8_t>("offset")); }) ==
          "field \"offset\" is -3, expected a whole number from 0 to 255");
    CHECK(error([&] { static_cast<void>(object.require<std::int64_t>("huge")); }) ==
          "field \"huge\" is 18446744073709551615, expected a whole number from -9223372036854775808 to "
          "9223372036854775807");
    CHECK(error([&] { static_cast<void>(object.require<int>("rate")); }) ==
          "field \"rate\" is 0.0006, expected a whole number from -2147483648 to 2147483647");
    CHECK(error([&] { static_cast<void>(object.require<double>("inner")); }) ==
          "field \"inner\" is null, expected a number");
    CHECK(error([&] { static_cast<void>(object.require<std::string>("adam")); }) ==
          "field \"adam\" is an object, expected a string");
    CHECK(error([&] { static_cast<void>(object.require<bool>("layers")); }) ==
          "field \"layers\" is 12, expected true or false");
    CHECK(error([&] { static_cast<void>(object.optional<bool>("layers")); }) ==
          "field \"layers\" is 12, expected true or false");
    CHECK(error([&] { static_cast<void>(object.object("layers")); }) == "field \"layers\" is 12, expected an object");
    CHECK(error([&] { static_cast<void>(object.objects("adam")); }) ==
          "field \"adam\" is an object, expected an array");
    CHECK(error([&] { static_cast<void>(object.object("adam").require<double>("eps")); }) ==
          "field \"adam.eps\" is the string \"tiny\", expected a number");
    CHECK(error([&] { static_cast<void>(object.object("adam").require<std::vector<int>>("beta")); }) ==
          "field \"adam.beta[0]\" is 0.9, expected a whole number from -2147483648 to 2147483647");
    CHECK(error([&] { static_cast<void>(object.objects("phases").at(1).require<bool>("gap")); }) ==
          "field \"phases[1].gap\" is the string \"two\", expected true or false");
    CHECK(error([&] { object.object("adam").fail("eps", "is too small"); }) == "field \"adam.eps\" is too small");
}

TEST_CASE("a file that is not JSON is refused with line and column") {
    const ScratchFolder folder;
    const auto error_for = [&](std::string_view text) {
        const auto path = write(folder / "a.json", text);
        return error_text([&] { JsonFile{path}; }, path);
    };
    CHECK_THAT(error_for("{\n \"a\": }"), Catch::Matchers::StartsWith("is not valid JSON: at line 2, column 7: "));
    CHECK(error_for("") == "is empty, expected JSON; download or write it again");
    CHECK_THAT(error_for(" "), Catch::Matchers::StartsWith("is not valid JSON: at line 1, column 2: "));
    CHECK_THAT(error_for("{\"\xFF\": 1}"), Catch::Matchers::StartsWith("is not valid JSON: at line 1, column 3: "));
    CHECK(error_for("[1]") == "the whole file is an array, expected an object");
    CHECK(error_for("{\"a\": \"\n\"}").find('\n') == std::string::npos);
    const auto missing = folder / "missing.json";
    CHECK(error_text([&] { JsonFile{missing}; }, missing) == "cannot be opened: No such file or directory");
}

TEST_CASE("a written JSON file keeps the order of its fields and ends in a newline") {
    const ScratchFolder folder;
    const auto path = folder / "a.json";
    write_json(path, Json{{"zebra", 1}, {"ant", {{"x", nullptr}}}});
    CHECK(contents(path) == "{\n  \"zebra\": 1,\n  \"ant\": {\n    \"x\": null\n  }\n}\n");
}

TEST_CASE("doubles come back from a JSON file with the same bits, NaN as null") {
    const ScratchFolder folder;
    const auto path = folder / "a.json";
    std::vector<double> values{
        0.1,  1.0 / 3.0, 6.02214076e23, std::nextafter(1.0, 2.0), std::numeric_limits<double>::max(),
        -0.0, 5e-324,    1e-5,          123456789012345678.0};
    for (std::uint64_t seed = 1, i = 0; i < 1000; ++i) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        values.push_back(std::ldexp(static_cast<double>(seed >> 11U), static_cast<int>(seed % 400) - 200));
    }
    write_json(path, Json{{"values", values}, {"nan", std::numeric_limits<double>::quiet_NaN()}});
    const JsonFile file(path);
    const auto read = file.object().require<std::vector<double>>("values");
    REQUIRE(read.size() == values.size());
    int wrong = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        wrong += read[i] == values[i] && std::signbit(read[i]) == std::signbit(values[i]) ? 0 : 1;
    }
    CHECK(wrong == 0);
    CHECK(file.object().optional<double>("nan") == std::nullopt);
}

TEST_CASE("a JSON value that cannot be written leaves the old file") {
    const ScratchFolder folder;
    const auto path = write(folder / "a.json", "old");
    CHECK(error_text([&] {
              write_json(path, Json{{"a", "\xFF"}});
          }) == "write_json: a string for " + path.string() + " is not valid UTF-8");
    CHECK(contents(path) == "old");
}
