// SPDX-License-Identifier: MIT
// Documents from files, read only as far as they are asked for.
#include <lamina/text/documents.hpp>

#include "support/catch.hpp"
#include "text/compressed.hpp"
#include "text/support.hpp"

#include <range/v3/range/concepts.hpp>
#include <range/v3/view/take.hpp>

using Catch::Matchers::Contains;
using lamina::FileError;
using lamina::text::DocumentFormat;
using lamina::text::documents;
using lamina::text::FileDocuments;
using lamina_tests::joined;
using lamina_tests::TextFolder;

using Texts = std::vector<std::string>;

static_assert(ranges::view_<FileDocuments> && ranges::input_range<FileDocuments>);
static_assert(!ranges::forward_range<FileDocuments>, "a file is read once per begin()");
static_assert(ranges::view_<decltype(documents({}))>);

TEST_CASE("a separator line ends a document and is no part of it", "[text]") {
    const TextFolder folder;
    const auto texts = [&folder](std::string_view content) {
        return joined(FileDocuments(folder.file("corpus.txt", content)));
    };
    CHECK(texts("one\n<|endoftext|>\ntwo\nlines\n<|endoftext|>\n") == Texts{"one", "two\nlines"});
    CHECK(texts("one\n\n<|endoftext|>\ntwo") == Texts{"one\n", "two"});
    CHECK(texts("one\n<|endoftext|>") == Texts{"one"});
    CHECK(texts("whole file\n") == Texts{"whole file\n"});
    CHECK(texts("in <|endoftext|> a line\n <|endoftext|>\n<|endoftext|>x\n") ==
          Texts{"in <|endoftext|> a line\n <|endoftext|>\n<|endoftext|>x\n"});
}

TEST_CASE("a separator may have blanks behind it, and line ends of Windows around it", "[text]") {
    const TextFolder folder;
    const auto texts = [&folder](std::string_view content) {
        return joined(FileDocuments(folder.file("corpus.txt", content), {.piece_bytes = 64}));
    };
    CHECK(texts("one\r\n<|endoftext|>\r\ntwo\r\nlines\r\n<|endoftext|>\r\n") == Texts{"one", "two\r\nlines"});
    CHECK(texts("one\n<|endoftext|> \t \ntwo\n<|endoftext|>  ") == Texts{"one", "two"});
    CHECK(texts("one\n<|endoftext|>\rtwo\r") == Texts{"one\n<|endoftext|>\rtwo\r"});
    CHECK(texts("one\r\n\r\n<|endoftext|>\ntwo") == Texts{"one\r\n", "two"});
    CHECK(texts("one\n<|endoftext|> x\n<|endoftext|> ") == Texts{"one\n<|endoftext|> x"});
    // Blanks that end in another reading than they began in, and one that turns out to be no separator.
    const std::string blanks(200'000, ' ');
    CHECK(texts("one\n<|endoftext|>" + blanks + "\ntwo") == Texts{"one", "two"});
    CHECK(texts("one\n<|endoftext|>" + blanks + "x\ntwo") == Texts{"one\n<|endoftext|>" + blanks + "x\ntwo"});
    CHECK(texts("one\n<|endoftext|>" + blanks) == Texts{"one"});
}

TEST_CASE("a separator of Windows is found wherever a piece or a reading ends", "[text]") {
    const TextFolder folder;
    const auto check = [&folder](const std::string& first, std::size_t piece_bytes) {
        const auto file = folder.file("corpus.txt", first + "\r\n<|endoftext|> \r\nsecond");
        CHECK(joined(FileDocuments(file, {.piece_bytes = piece_bytes})) == Texts{first, "second"});
    };
    for (std::size_t length = 45; length < 70; ++length) {
        for (const char filler : {'x', ' ', '\r', '\n'}) check("y" + std::string(length, filler), 64);
    }
    for (std::size_t length = 65'536 - 20; length < 65'536 + 4; ++length) check(std::string(length, 'x'), 100'000);
}

TEST_CASE("documents without text do not count", "[text]") {
    const TextFolder folder;
    const auto file = folder.file("corpus.txt", "<|endoftext|>\n<|endoftext|>\none\n<|endoftext|>\n<|endoftext|>\n");
    CHECK(joined(FileDocuments(file)) == Texts{"one"});
}

TEST_CASE("JSON Lines files have a document per object", "[text]") {
    const TextFolder folder;
    const auto file = folder.file("corpus.jsonl",
                                  "{\"text\": \"one\\n\\u00e9\", \"body\": \"1\"}\n\n"
                                  "{\"text\": \"\", \"body\": \"2\"}\n"
                                  "{\"text\": \"\\ud83d\\ude00 <|endoftext|>\", \"body\": \"3\"}");
    CHECK(joined(FileDocuments(file)) == Texts{"one\n\u00E9", "\U0001F600 <|endoftext|>"});
    CHECK(joined(FileDocuments(file, {.field = "body"})) == Texts{"1", "2", "3"});
}

TEST_CASE("JSON Lines are told by their content, whatever the name", "[text]") {
    const TextFolder folder;
    const std::string lines =
        "\xEF\xBB\xBF\r\n{\"score\": NaN, \"text\": \"one\"}\r\n{\"text\": \"two\", \"text\": \"three\"}";
    for (const char* const name : {"corpus", "corpus.txt", "corpus.json", "corpus.jsonl"}) {
        CHECK(joined(FileDocuments(folder.file(name, lines))) == Texts{"one", "three"});
        CHECK(joined(FileDocuments(folder.file(name, lamina_tests::gzipped(lines)))) == Texts{"one", "three"});
        CHECK(joined(FileDocuments(folder.file(name, lamina_tests::zstandard(lines)))) == Texts{"one", "three"});
    }
    const lamina_tests::FilledPipe pipe(lamina_tests::gzipped(lines));
    CHECK(joined(FileDocuments(pipe.path())) == Texts{"one", "three"});
}

TEST_CASE("text that begins with a brace is text, and what looks like JSON Lines can be said to be", "[text]") {
    const TextFolder folder;
    const std::string set = "{ x | x > 0 }\n<|endoftext|>\n{\"text\": \"one\"}\n";
    CHECK(joined(FileDocuments(folder.file("corpus.txt", set))) == Texts{"{ x | x > 0 }", "{\"text\": \"one\"}\n"});
    const auto object = folder.file("corpus.txt", "{\"content\": \"one\"}\nmore");
    CHECK_THROWS_WITH(joined(FileDocuments(object)),
                      Contains("corpus.txt: line 1: the object has no field 'text', only \"content\"; "
                               "--text-field names another field, --text-format text says that it is plain text"));
    CHECK(joined(FileDocuments(object, {.format = DocumentFormat::text})) == Texts{"{\"content\": \"one\"}\nmore"});
    CHECK_THROWS_WITH(joined(FileDocuments(object, {.field = "content"})), !Contains("plain text"));
    const auto prose = folder.file("corpus.jsonl.gz", lamina_tests::gzipped("once upon a time"));
    CHECK_THROWS_WITH(joined(FileDocuments(prose)), Contains("line 1: malformed JSON at byte 1; --text-field"));
    CHECK(joined(FileDocuments(prose, {.format = DocumentFormat::text})) == Texts{"once upon a time"});
    CHECK_THROWS_WITH(joined(FileDocuments(folder.file("corpus.txt", "once"), {.format = DocumentFormat::json_lines})),
                      Contains("line 1: malformed JSON at byte 1") && !Contains("plain text"));
}

TEST_CASE("what is no text is no corpus", "[text]") {
    const TextFolder folder;
    CHECK_THROWS_WITH(joined(FileDocuments(folder.file("corpus.jsonl", "PAR1\x15\xFF"))),
                      Contains("corpus.jsonl: is a Parquet file, not plain text"));
    CHECK(joined(FileDocuments(folder.file("page.txt", "<html>"), {.format = DocumentFormat::text})) ==
          Texts{"<html>"});
}

TEST_CASE("a bad line of a JSON Lines file is named", "[text]") {
    const TextFolder folder;
    const auto read = [&folder](std::string_view lines) { joined(FileDocuments(folder.file("corpus.ndjson", lines))); };
    const std::string good = "{\"text\": \"one\"}\n";
    CHECK_THROWS_AS(read(good + "{\"text\": "), FileError);
    CHECK_THROWS_WITH(read(good + "{\"text\": "), Contains("corpus.ndjson: line 2: malformed JSON at byte 10"));
    CHECK_THROWS_AS(read(good + "{\"text\": 1e999}"), FileError);
    CHECK_THROWS_WITH(read(good + "{\"text\": 1e999}"),
                      Contains("corpus.ndjson: line 2: field 'text' should be a string, found number"));
    CHECK_THROWS_WITH(read(good + "\n{\"txt\": \"two\"}"), Contains("line 3: the object has no field 'text'"));
    CHECK_THROWS_WITH(read(good + "{\"text\": 2}"), Contains("line 2: field 'text' should be a string, found number"));
    CHECK_THROWS_WITH(read(good + "[\"text\"]"), Contains("line 2: expected a JSON object, found array"));
}

TEST_CASE("a file without documents is an error", "[text]") {
    const TextFolder folder;
    for (const char* const content : {"", "<|endoftext|>\n"}) {
        CHECK_THROWS_AS(joined(FileDocuments(folder.file("corpus.txt", content))), FileError);
        CHECK_THROWS_WITH(joined(FileDocuments(folder.file("corpus.txt", content))), Contains("corpus.txt: is empty"));
    }
    CHECK_THROWS_WITH(joined(FileDocuments(folder.file("corpus.jsonl", "\n\n"))), Contains("corpus.jsonl: is empty"));
    CHECK_THROWS_AS(documents({}), lamina::ArgumentError);
}

TEST_CASE("a file that cannot be read is an error", "[text]") {
    const TextFolder folder;
    CHECK_THROWS_WITH(joined(FileDocuments(folder.path() / "missing.txt")),
                      Contains("missing.txt: cannot be opened: No such file"));
    CHECK_THROWS_WITH(joined(FileDocuments(folder.path())), Contains("cannot be read"));
}

TEST_CASE("several files follow each other, whatever their kinds", "[text]") {
    const TextFolder folder;
    const auto first = folder.file("first.txt", "one\n<|endoftext|>\ntwo");
    const auto second = folder.file("second.jsonl", "{\"text\": \"three\"}\n");
    CHECK(joined(documents({first, second, first})) == Texts{"one", "two", "three", "one", "two"});
}

TEST_CASE("documents can be read again from the start", "[text]") {
    const TextFolder folder;
    const FileDocuments twice(folder.file("corpus.txt", "one\n<|endoftext|>\ntwo"));
    CHECK(joined(twice) == Texts{"one", "two"});
    CHECK(joined(twice) == Texts{"one", "two"});
}

TEST_CASE("nothing is read before it is asked for", "[text]") {
    const TextFolder folder;
    std::string content = "first\n<|endoftext|>\n";
    for (int i = 0; i < 100'000; ++i) content += "filling\n";
    content += "\xFF";  // an error for whoever comes this far
    const auto poisoned = folder.file("poisoned.txt", content);
    const auto missing = folder.path() / "missing.txt";

    // A range may look one piece ahead, to know whether it has ended.
    auto all = documents({poisoned, missing}, {.piece_bytes = 4096});
    CHECK(joined(all | ranges::views::take(1)) == Texts{"first"});
    CHECK_THROWS_WITH(joined(all), Contains("invalid UTF-8"));
}

TEST_CASE("pieces too short to hold a separator are refused in one sentence", "[text]") {
    CHECK_NOTHROW(FileDocuments("corpus.txt", {.piece_bytes = 64}));
    CHECK_THROWS_AS(FileDocuments("corpus.txt", {.piece_bytes = 63}), lamina::ArgumentError);
    CHECK_THROWS_WITH(FileDocuments("corpus.txt", {.piece_bytes = 63}),
                      "lamina: DocumentOptions: piece_bytes of 63, expected at least 64");
}
