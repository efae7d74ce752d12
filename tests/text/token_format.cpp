// SPDX-License-Identifier: MIT
// The formats of token files: each by its own bytes, and never by a guess.
#include <lamina/text/token_format.hpp>

#include <lamina/text/shards.hpp>

#include "support/catch.hpp"
#include "text/compressed.hpp"
#include "text/support.hpp"

#include <cstring>

using Catch::Matchers::Contains;
using lamina::FileError;
using lamina::Token;
using lamina_tests::TextFolder;
using namespace lamina::text;

namespace {

using Tokens = std::vector<Token>;

static_assert(token_format_of("auto") == TokenFormat::by_content && token_format_of("llm.c") == TokenFormat::llm_c);
static_assert(token_format_of("raw-u16") == TokenFormat::raw_u16 && token_format_of("npy") == TokenFormat::npy);
static_assert(!token_format_of("raw"));

template <class T>
std::string bytes_of(const std::vector<T>& numbers) {
    std::string bytes(numbers.size() * sizeof(T), '\0');
    if (!numbers.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
    return bytes;
}

std::string npy(const std::string& dictionary, const std::string& body, char version = 1) {
    const std::string header = dictionary + "\n";
    std::string bytes = std::string("\x93NUMPY") + version + '\0';
    for (int i = 0; i < (version == 1 ? 2 : 4); ++i) bytes += static_cast<char>(header.size() >> (8 * i));
    return bytes + header + body;
}

std::string dictionary(const std::string& type, const std::string& shape) {
    return "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
}

Tokens all(const TokenShard& shard) {
    Tokens tokens(shard.size());
    shard.copy(0, tokens);
    return tokens;
}

}  // namespace

TEST_CASE("token format: nanoGPT's raw uint16 is read when it is asked for, and never guessed", "[text]") {
    const TextFolder folder;
    const auto path = folder.file("train.bin", bytes_of(std::vector<std::uint16_t>{1, 50256, 65535}));
    const TokenShard shard(path, TokenFormat::raw_u16);
    CHECK(all(shard) == Tokens{1, 50256, 65535});
    CHECK(shard.format() == TokenFormat::raw_u16);
    CHECK_THROWS_AS(TokenShard(path), FileError);
    CHECK_THROWS_WITH(TokenShard(path), Contains("train.bin: is neither a token shard of llm.c nor a NumPy array; if "
                                                 "it is uint16 tokens without a header, as nanoGPT writes them, say "
                                                 "so with --token-format raw-u16"));
    CHECK_THROWS_WITH(TokenShard(folder.file("odd.bin", "abc"), TokenFormat::raw_u16),
                      Contains("odd.bin: has 3 bytes, expected an even number"));
    write_token_shard(folder.path() / "shard.bin", Tokens{1});
    CHECK_THROWS_WITH(TokenShard(folder.path() / "shard.bin", TokenFormat::raw_u16),
                      Contains("shard.bin: begins as a token shard of llm.c does, which is not raw uint16"));
    CHECK_THROWS_WITH(TokenShard(folder.file("a.npy", npy(dictionary("<u2", "(0,)"), "")), TokenFormat::raw_u16),
                      Contains("begins as a NumPy array does"));
}

TEST_CASE("token format: NumPy's arrays of integers are read in all their versions", "[text]") {
    const TextFolder folder;
    const auto tokens = [&folder](const std::string& bytes) { return all(TokenShard(folder.file("t.npy", bytes))); };
    const Tokens expected{1, 2, 127};
    const std::string pairs = bytes_of(std::vector<std::uint16_t>{1, 2, 127});
    for (const char version : {'\1', '\2', '\3'})
        CHECK(tokens(npy(dictionary("<u2", "(3,)"), pairs, version)) == expected);
    CHECK(tokens(npy(dictionary("<i4", "(3,)"), bytes_of(std::vector<std::int32_t>{1, 2, 127}))) == expected);
    CHECK(tokens(npy(dictionary("<u4", "(3,)"), bytes_of(std::vector<std::uint32_t>{1, 2, 127}))) == expected);
    CHECK(tokens(npy(dictionary("<i8", "(3,)"), bytes_of(std::vector<std::int64_t>{1, 2, 127}))) == expected);
    CHECK(tokens(npy(dictionary("<u8", "(3,)"), bytes_of(std::vector<std::uint64_t>{1, 2, 127}))) == expected);
    CHECK(tokens(npy(dictionary("|u1", "(3,)"), "\x01\x02\x7F")) == expected);
    CHECK(tokens(npy("{\"shape\": (3L,), \"fortran_order\": True, \"descr\": \"<u2\"}", pairs)) == expected);
    CHECK(tokens(npy("{'shape': (3), 'descr': '<u2'}", pairs)) == expected);
    CHECK(tokens(npy(dictionary("<i8", "(2,)"), bytes_of(std::vector<std::int64_t>{-5, 1LL << 40}))) == Tokens{-5, -1});
}

TEST_CASE("token format: an array that holds no tokens is refused with what it is", "[text]") {
    const TextFolder folder;
    const auto refuses = [&folder](const std::string& bytes, const std::string& problem) {
        const auto path = folder.file("t.npy", bytes);
        CHECK_THROWS_WITH(TokenShard(path), path.string() + ": " + problem);
    };
    const std::string expected = ", expected integers such as '<u2', '<i4', '<u4' or '<i8'";
    refuses(npy(dictionary("<f4", "(1,)"), "abcd"), "is a NumPy array of \"<f4\"" + expected);
    refuses(npy(dictionary(">u2", "(1,)"), "ab"), "is a NumPy array of big-endian \">u2\"" + expected);
    refuses(npy(dictionary("|O", "(1,)"), "ab"), "is a NumPy array of \"|O\"" + expected);
    refuses(npy(dictionary("<U12", "(1,)"), "ab"), "is a NumPy array of \"<U12\"" + expected);
    refuses(npy("{'descr': [('a', '<u2')], 'shape': (1,), }", "ab"), "is a NumPy array of records" + expected);
    for (const char* const shape : {"(1, 2)", "()", "(1, 2", "(,)", "1"}) {
        const auto path = folder.file("t.npy", npy(dictionary("<u2", shape), "abcd"));
        CHECK_THROWS_WITH(TokenShard(path), Contains("t.npy: is a NumPy array of shape ") &&
                                                Contains(", expected one dimension, such as (9000,)"));
    }
    refuses(npy(dictionary("<u2", "(3,)"), "abcd"),
            "has 4 bytes behind its header, but its 3 tokens of 2 bytes take another number");
    refuses(npy(dictionary("<u2", "(2,)"), "abcde"),
            "has 5 bytes behind its header, but its 2 tokens of 2 bytes take another number");
    refuses(npy(dictionary("<u2", "(9223372036854775809,)"), "ab"),
            "has 2 bytes behind its header, but its 9223372036854775809 tokens of 2 bytes take another number");
    refuses(npy("{'shape': (1,), }", "ab"), "has a NumPy header without 'descr'");
    refuses(npy(dictionary("<u2", "(1,)"), "", 4), "is a NumPy array of version 4, expected 1 to 3");
    refuses(npy(dictionary("<u2", "(1,)"), "").substr(0, 30), "ends within the header of its NumPy array");
    refuses(std::string("\x93NUMPY\x01\0\x05", 9), "ends within the header of its NumPy array");
    CHECK_THROWS_WITH(TokenShard(folder.file("text.npy", "text"), TokenFormat::npy), Contains("is no NumPy array"));
}

TEST_CASE("token format: other files are named for what they are", "[text]") {
    const TextFolder folder;
    CHECK_THROWS_WITH(TokenShard(folder.file("t.bin", lamina_tests::gzipped("tokens"))),
                      Contains("t.bin: is a gzip file, not tokens; decompress it with gzip -d"));
    CHECK_THROWS_WITH(TokenShard(folder.file("t.npz", "PK\x03\x04")), Contains("t.npz: is a zip archive, not tokens"));
    CHECK_THROWS_WITH(TokenShard(folder.file("t.bin", "{\"text\": \"a\"}")),
                      Contains("t.bin: is text, not tokens; give it with --text"));
    CHECK_THROWS_WITH(TokenShard(folder.file("t.bin", "")), Contains("t.bin: is empty, expected tokens"));
    CHECK_THROWS_WITH(TokenShard(folder.file("t.bin", "text"), TokenFormat::llm_c), Contains("not a token shard"));
}

TEST_CASE("token format: a token of another vocabulary is named with its place", "[text]") {
    const TextFolder folder;
    const auto path =
        folder.file("t.npy", npy(dictionary("<i8", "(3,)"), bytes_of(std::vector<std::int64_t>{256, 1LL << 40, -1})));
    const TokenShard shard(path);
    CHECK_THROWS_AS(shard.expect_below(256), FileError);
    CHECK_THROWS_WITH(shard.expect_below(256),
                      Contains("t.npy: has token 256 at position 0, expected tokens below 256"));
    CHECK_THROWS_WITH(shard.expect_below(257),
                      Contains("has token 1099511627776 at position 1, expected tokens below"));
    CHECK_THROWS_WITH(shard.expect_below(std::size_t{1} << 50), Contains("has token -1 at position 2"));
    write_token_shard(folder.path() / "t.bin", Tokens{1, 2, 3});
    const TokenShards both({folder.path() / "t.bin", path});
    CHECK_THROWS_WITH(both.expect_below(257), Contains("t.npy: has token 1099511627776 at position 1"));
    CHECK_NOTHROW(TokenShard(folder.path() / "t.bin").expect_below(4));
}
