// SPDX-License-Identifier: MIT
// What a file is, by its first bytes.
#include <lamina/text/content.hpp>

#include <lamina/text/shards.hpp>

#include "support/catch.hpp"
#include "text/compressed.hpp"
#include "text/support.hpp"

#include <fstream>

using lamina::text::begins_json_object;
using lamina::text::content_of;
using lamina::text::Form;

namespace {

using namespace std::string_view_literals;

constexpr std::string_view name_of(std::string_view start) { return content_of(start).name; }

constexpr bool is_plain(std::string_view start) { return content_of(start).form == Form::plain; }

}  // namespace

static_assert(is_plain(""));
static_assert(is_plain("Once upon a time\n"));
static_assert(is_plain("PAR for the course, PK and BZh1 are letters"));
static_assert(is_plain("PAR1 and GGUF are words"));
static_assert(is_plain("BZh91 is a word\n"));
static_assert(is_plain("\x1B[1mbold\x1B[0m, a page ends\f, and a bell rings\a"));
static_assert(is_plain("\x81\xA1\x41 in Shift JIS is for its reader to refuse"));
static_assert(is_plain("<s> is a token"));
static_assert(is_plain("<?xml version=\"1.0\"?><doc><title>a</title></doc>"));
static_assert(is_plain("[1] a list"));
static_assert(is_plain("{\"text\": \"a\"}"));
static_assert(is_plain("\xEF\xBB\xBFtext"));
static_assert(content_of("\x50\x2A\x4D\x18"sv).form == Form::zstd, "a frame to be skipped");

TEST_CASE("content: what is compressed as text may be is told by its first bytes", "[text]") {
    CHECK(content_of(lamina_tests::gzipped("")).form == Form::gzip);
    CHECK(content_of(lamina_tests::zstandard("")).form == Form::zstd);
}

TEST_CASE("content: what is no text is named, with what to do where text was wanted", "[text]") {
    const auto check = [](std::string_view start, std::string_view name, std::string_view advice) {
        CAPTURE(name);
        CHECK(content_of(start).form == Form::foreign);
        CHECK(name_of(start) == name);
        CHECK(content_of(start).advice == advice);
    };
    constexpr std::string_view rows = "write its text as JSON Lines, one {\"text\": ...} a line";
    constexpr std::string_view tokens = "give it as a token file (--tokens)";
    constexpr std::string_view text = "give text in UTF-8, plain or compressed";
    check("PAR1\x15\x04", "a Parquet file", rows);
    check("\x89HDF\r\n\x1A\n", "an HDF5 file, as Keras and TensorFlow write weights", rows);
    check("\x80\x04\x95", "a pickle", rows);
    check("\x93NUMPY\x01\0"sv, "a NumPy array", tokens);
    check("PK\x03\x04...", "a zip archive", "unpack it with unzip");
    check("BZh91AY&SY\x01", "a bzip2 file", "decompress it, or compress it by gzip or zstd instead");
    check("%PDF-1.7\n", "a PDF document", "extract its text, such as with pdftotext");
    check("\xFE\xFF\0t"sv, "UTF-16", "convert it with iconv -t UTF-8");
    check("\x81\xA1\x41\0"sv, "a binary file, with bytes that are zero", text);
    check("GGUF\x03\0\0\0"sv, "a GGUF file, as llama.cpp reads it", text);
    check("t\0e\0x\0t\0"sv, "a binary file, with bytes that are zero", text);
    check(std::string(2000, 'x') + '\0', "a binary file, with bytes that are zero", text);
    check("[\n  {\n    \"text\": \"a\"", "a JSON array", "write its elements one a line, such as with jq -c '.[]'");
    check("version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git-LFS pointer in place of the file",
          "run git lfs pull in its repository, or download it again");
    CHECK(name_of("../data/corpus.txt") == "the text of a symbolic link in place of the file");
    CHECK(name_of("\xEF\xBB\xBF\n<!DOCTYPE HTML>") == "a web page in place of the file");
}

TEST_CASE("content: whatever is no text has an advice, of every kind", "[text]") {
    using lamina::io::FileKind;
    for (std::size_t i = 0; i <= static_cast<std::size_t>(FileKind::unknown); ++i) {
        const auto content = content_of(static_cast<FileKind>(i));
        CAPTURE(i, content.name);
        CHECK(content.advice.empty() == (content.form == Form::plain));
    }
}

TEST_CASE("content: both kinds of llm.c's shards are known", "[text]") {
    using lamina::text::ShardFormat;
    const lamina_tests::TextFolder folder;
    for (const ShardFormat format : {ShardFormat::bits_16, ShardFormat::bits_32}) {
        lamina::text::write_token_shard(folder.path() / "tokens.bin", std::vector<lamina::Token>{1, 2}, format);
        std::ifstream file(folder.path() / "tokens.bin", std::ios::binary);
        CHECK(name_of(std::string(std::istreambuf_iterator<char>(file), {})) == "a token shard of llm.c");
    }
}

TEST_CASE("JSON Lines begin with an object and its first key, text that begins with a brace does not", "[text]") {
    for (const char* const line : {"{\"text\": \"a\"}", "\n \r\n{ \"a\\\"b\" : 1}", "{}", "{\t}", "{\"a\":"}) {
        CAPTURE(line);
        CHECK(begins_json_object(line));
    }
    for (const char* const text :
         {"", "{", "{ x | x > 0 }", "{\n  \"pretty\": 1\n}", "{'python': 1}", "{\"quoted\" words}", "{% set x %}",
          "{\"open\n\": 1}", "[{\"a\": 1}]", "\\documentclass{a}", "{\"unfinished\\", "{{\"a\": 1}}"}) {
        CAPTURE(text);
        CHECK_FALSE(begins_json_object(text));
    }
}
