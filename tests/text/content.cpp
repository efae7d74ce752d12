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

}  // namespace

static_assert(content_of("").form == Form::plain);
static_assert(content_of("Once upon a time\n").form == Form::plain);
static_assert(content_of("PAR for the course, PK and BZh1 are letters").form == Form::plain);
static_assert(content_of("[1] a list").form == Form::plain);
static_assert(content_of("{\"text\": \"a\"}").form == Form::plain);
static_assert(content_of("\xEF\xBB\xBFtext").form == Form::plain);
static_assert(content_of("\x50\x2A\x4D\x18"sv).form == Form::zstd, "a frame to be skipped");
static_assert(content_of("\x5F\x2A\x4D\x18"sv).form == Form::zstd);

TEST_CASE("content: what is compressed as text may be is told by its first bytes", "[text]") {
    CHECK(content_of(lamina_tests::gzipped("")).form == Form::gzip);
    CHECK(content_of(lamina_tests::zstandard("")).form == Form::zstd);
}

TEST_CASE("content: what is no text is named, with what to do", "[text]") {
    CHECK(name_of("PAR1\x15\x04") == "a Parquet file");
    CHECK(name_of("ARROW1\0\0"sv) == "an Arrow file");
    CHECK(name_of("PK\x03\x04...") == "a zip archive");
    CHECK(name_of("\xFD\x37zXZ\0\0"sv) == "an xz file");
    CHECK(name_of("BZh91AY&SY\x01") == "a bzip2 file");
    CHECK(name_of("BZh9\x17\x72\x45\x38\x50\x90") == "a bzip2 file");
    CHECK(name_of("%PDF-1.7\n") == "a PDF document");
    CHECK(name_of("version https://git-lfs.github.com/spec/v1\noid sha256:0") == "a Git LFS pointer");
    CHECK(name_of("\xFF\xFEt\0"sv) == "UTF-16");
    CHECK(name_of("\xFE\xFF\0t"sv) == "UTF-16");
    CHECK(name_of("\xFF\xFE\0\0t\0\0\0"sv) == "UTF-32");
    CHECK(name_of("t\0e\0x\0t\0"sv) == "a binary file, with bytes that are zero");
    CHECK(name_of("\x80\x04\x95") == "a Python pickle");
    CHECK(name_of("\x93NUMPY\x01\0"sv) == "a NumPy array");
    CHECK(name_of(std::string(257, 'x') + "ustar") == "a tar archive");
    CHECK(name_of("\xEF\xBB\xBF\n<!DOCTYPE HTML>") == "a web page");
    CHECK(name_of("<html lang=\"en\">") == "a web page");
    CHECK(name_of("[\n  {\n    \"text\": \"a\"") == "a JSON array");
    for (const std::string_view start : {"PAR1", "\x93NUMPY", "<html>"}) {
        CHECK(content_of(start).form == Form::foreign);
        CHECK_FALSE(content_of(start).advice.empty());
    }
}

TEST_CASE("content: both kinds of llm.c's shards are known", "[text]") {
    using lamina::text::ShardFormat;
    const lamina_tests::TextFolder folder;
    for (const ShardFormat format : {ShardFormat::bits_16, ShardFormat::bits_32}) {
        lamina::text::write_token_shard(folder.path() / "tokens.bin", std::vector<lamina::Token>{1, 2}, format);
        std::ifstream file(folder.path() / "tokens.bin", std::ios::binary);
        CHECK(name_of(std::string(std::istreambuf_iterator<char>(file), {})) == "a token shard");
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
