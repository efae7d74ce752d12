// SPDX-License-Identifier: MIT
// One field of a JSON object, whatever its other fields hold.
#include <lamina/text/json_line.hpp>

#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <random>
#include <string>

using Catch::Matchers::Contains;
using lamina::text::json_text;
using lamina::text::json_with_strings;

namespace {

using namespace std::string_view_literals;

// The field `text`, or the problem.
std::string of(std::string_view line) {
    const lamina::text::JsonText found = json_text(line, "text");
    return found.problem.empty() ? found.text : "! " + found.problem;
}

}  // namespace

TEST_CASE("json_text: a string is what it says", "[text]") {
    CHECK(of(R"({"text": "one"})") == "one");
    CHECK(of(R"( { "id" : 1 , "text" : "" } )") == "");
    CHECK(of(R"({"text":"\" \\ \/ \b\f\n\r\t \u00e9 \u20AC \ud83d\ude00 \u0000"})") ==
          "\" \\ / \b\f\n\r\t \u00E9 \u20AC \U0001F600 \0"sv);
    CHECK(of(R"({"te\u0078t": "escaped key"})") == "escaped key");
    CHECK(of(R"({"a": "text", "text": "\\"})") == "\\");
}

TEST_CASE("json_text: fields that nobody reads are passed over, and the last of equal ones counts", "[text]") {
    CHECK(of(R"({"score": NaN, "text": "a", "low": -Infinity, "high": Infinity})") == "a");
    CHECK(of(R"({"n": 1e999, "m": -1.5E+3, "text": "a", "l": [NaN, {"text": "inner"}, []], "o": {}})") == "a");
    CHECK(of(R"({"a": true, "b": false, "c": null, "d": [[[]], [{"e": [1, 2]}]], "text": "a"})") == "a");
    CHECK(of(R"({"text": "a", "text": "b"})") == "b");
    CHECK(of(R"({"text": 1, "text": "b"})") == "b");
    CHECK(of(R"({"score": 1, "score": NaN, "text": "a"})") == "a");
    CHECK(of(R"({"quotes": "\"}, \\", "text": "a"})") == "a");
    const std::string deep(100'000, '[');
    CHECK(of("{\"deep\": " + deep + std::string(deep.size(), ']') + ", \"text\": \"a\"}") == "a");
}

TEST_CASE("json_text: what is malformed is placed", "[text]") {
    CHECK(of("{\"text\": ") == "! malformed JSON at byte 10");
    CHECK(of("{\"text\": \"a\"") == "! malformed JSON at byte 13");
    CHECK(of("{\"text\": \"a") == "! malformed JSON at byte 12");
    CHECK(of("{\"text\": \"a\"} x") == "! malformed JSON at byte 15");
    CHECK(of("{\"text\": \"a\", }") == "! malformed JSON at byte 15");
    CHECK(of("{\"a\": [1, 2}, \"text\": \"a\"}") == "! malformed JSON at byte 12");
    CHECK(of("{\"a\": }") == "! malformed JSON at byte 7");
    CHECK(of("{\"a\": nan, \"text\": \"a\"}") == "! malformed JSON at byte 7");
    CHECK(of("{\"a\" 1}") == "! malformed JSON at byte 6");
    CHECK(of("{text: \"a\"}") == "! malformed JSON at byte 2");
    CHECK(of("{\"text\": \"a\tb\"}") == "! malformed JSON at byte 12");
    CHECK(of(R"({"text": "a\x"})") == "! malformed JSON at byte 13");
    CHECK(of(R"({"text": "\u12g4"})") == "! malformed JSON at byte 12");
    CHECK(of(R"({"text": "\ud83d"})") == "! malformed JSON at byte 12");
    CHECK(of("not JSON") == "! malformed JSON at byte 1");
    CHECK(of("{\"a\": 01, \"text\": \"a\"}") == "! malformed JSON at byte 7");
    CHECK(of("{\"a\": 1.e3, \"text\": \"a\"}") == "! malformed JSON at byte 7");
    CHECK(of("") == "! malformed JSON at byte 1");
}

TEST_CASE("json_text: another kind of line or field is named", "[text]") {
    CHECK(of("[\"text\"]") == "! expected a JSON object, found array");
    CHECK(of("\"text\"") == "! expected a JSON object, found string");
    CHECK(of("3") == "! expected a JSON object, found number");
    CHECK(of("{\"text\": 2}") == "! field 'text' should be a string, found number");
    CHECK(of("{\"text\": NaN}") == "! field 'text' should be a string, found number");
    CHECK(of("{\"text\": null}") == "! field 'text' should be a string, found null");
    CHECK(of("{\"text\": {\"a\": 1}}") == "! field 'text' should be a string, found object");
    CHECK(of("{}") == "! the object has no field 'text'");
    CHECK(of("{\"content\": \"a\", \"meta\": {\"text\": 1}}") ==
          "! the object has no field 'text', only \"content\", \"meta\"");
}

TEST_CASE("json_text: agrees with a strict reader on what both take", "[text]") {
    std::mt19937 random(11);
    const std::vector<std::string> parts{"{",        "}",        "[",       "]",         ",",         ":",
                                         "\"text\"", "\"a\"",    "\"\\n\"", "1",         " ",         "-2.5",
                                         "true",     "\"\\\"\"", "null",    "\"text\":", "{\"text\":"};
    std::size_t taken = 0;
    for (int round = 0; round < 8'000; ++round) {
        std::string line = "{\"text\":";
        for (std::size_t count = random() % 8; count > 0; --count) line += parts[random() % parts.size()];
        line += "}";
        const nlohmann::json strict = nlohmann::json::parse(line, nullptr, false);
        const lamina::text::JsonText found = json_text(line, "text");
        CAPTURE(line, found.problem);
        if (strict.is_discarded()) {
            REQUIRE(found.problem.starts_with("malformed JSON"));
        } else if (strict["text"].is_string()) {
            REQUIRE(found.problem.empty());
            REQUIRE(found.text == strict["text"].get<std::string>());
            ++taken;
        } else {
            REQUIRE(found.problem.starts_with("field 'text' should be"));
        }
    }
    CHECK(taken > 100);
}

TEST_CASE("json_with_strings: only what JSON does not have becomes strings", "[text]") {
    constexpr std::string_view json = R"({"a": NaN, "NaN": ["-Infinity", -Infinity], "b": 1e999, "c": 1e-999})";
    const auto strict = json_with_strings(json);
    CHECK(strict.text == R"({"a": "NaN", "NaN": ["-Infinity", "-Infinity"], "b": "1e999", "c": 1e-999})");
    CHECK(strict.original(strict.text.find("NaN\",")) == 6);
    CHECK(strict.original(strict.text.size()) == json.size());
    CHECK(json_with_strings(R"({"a": NaNo, "b": "\"NaN)").text == R"({"a": NaNo, "b": "\"NaN)");
}
