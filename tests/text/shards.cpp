// SPDX-License-Identifier: MIT
// Token shards byte for byte, and what is refused.
#include <lamina/text/shards.hpp>

#include "support/catch.hpp"
#include "text/support.hpp"

#include <range/v3/range/conversion.hpp>
#include <range/v3/view/iota.hpp>

#include <sys/resource.h>

#include <csignal>
#include <fstream>

using Catch::Matchers::Contains;
using lamina::FileError;
using lamina::Token;
using lamina_tests::TextFolder;
using namespace lamina::text;

using Tokens = std::vector<Token>;

namespace {

std::string little_endian(std::vector<std::int32_t> words) {
    std::string bytes;
    for (const std::int32_t word : words) {
        for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((word >> shift) & 0xFF);
    }
    return bytes;
}

std::string shard(std::int32_t magic, std::int32_t version, std::int32_t count, const std::string& body) {
    std::string header = little_endian({magic, version, count});
    header.resize(1024, '\0');
    return header + body;
}

std::string content(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

template <TokenStore Store>
Tokens all(const Store& store) {
    Tokens tokens(store.size());
    store.copy(0, tokens);
    return tokens;
}

// No file of this process may grow past `bytes` while it lives, which looks to the writer like a full disk.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    void (*handler_)(int);
    rlimit before_{};
};

}  // namespace

TEST_CASE("a shard is written as llm.c lays it out", "[text]") {
    const TextFolder folder;
    const auto path = folder.path() / "tokens.bin";
    CHECK(write_token_shard(path, Tokens{50256, 0, 65535}) == 3);
    CHECK(content(path) == shard(20240520, 1, 3, std::string("\x50\xC4\x00\x00\xFF\xFF", 6)));
    CHECK(write_token_shard(path, Tokens{128000}, ShardFormat::bits_32) == 1);
    CHECK(content(path) == shard(20240801, 7, 1, little_endian({128000})));
    CHECK(folder.entries() == 1);
}

TEST_CASE("a shard gives back its tokens from any place", "[text]") {
    const TextFolder folder;
    for (const ShardFormat format : {ShardFormat::bits_16, ShardFormat::bits_32}) {
        const auto path = folder.path() / "tokens.bin";
        write_token_shard(path, ranges::views::iota(Token{0}, Token{1000}), format);
        const TokenShard shard(path);
        CHECK(shard.size() == 1000);
        CHECK(shard.format() == TokenFormat::llm_c);
        Tokens out(3);
        shard.copy(997, out);
        CHECK(out == Tokens{997, 998, 999});
        CHECK_THROWS_AS(shard.copy(998, out), lamina::ArgumentError);
        CHECK_THROWS_WITH(shard.copy(998, out),
                          "lamina: TokenShard::copy: 3 tokens from place 998 on, but there are 1000");
    }
}

TEST_CASE("a file that is not a whole shard is refused with what is wrong", "[text]") {
    const TextFolder folder;
    const auto open = [&folder](const std::string& bytes) {
        TokenShard(folder.file("tokens.bin", bytes), TokenFormat::llm_c);
    };
    CHECK_NOTHROW(open(shard(20240520, 1, 1, "ab")));
    CHECK_THROWS_AS(open("short"), FileError);
    CHECK_THROWS_WITH(open("short"), Contains("tokens.bin: not a token shard: 5 bytes, the header alone has 1024"));
    CHECK_THROWS_WITH(open(""), Contains("not a token shard: 0 bytes"));
    CHECK_THROWS_WITH(open(shard(20240522, 1, 1, "ab")), Contains("magic 20240522, expected 20240520 or 20240801"));
    CHECK_THROWS_WITH(open(shard(20240520, 2, 1, "ab")), Contains("version 2, expected 1"));
    CHECK_THROWS_WITH(open(shard(20240801, 1, 1, "abcd")), Contains("version 1, expected 7"));
    CHECK_THROWS_WITH(open(shard(20240520, 1, 2, "ab")), Contains("of 1026 bytes, but its 2 tokens take 1028"));
    CHECK_THROWS_WITH(open(shard(20240520, 1, 0, "ab")), Contains("of 1026 bytes, but its 0 tokens take 1024"));
    CHECK_THROWS_WITH(open(shard(20240520, 1, -1, "")), Contains("negative number of tokens, -1"));
    CHECK_THROWS_WITH(TokenShard(folder.file("tokens.bin", shard(20240520, 1, 2, "ab"))), Contains("of 1026 bytes"));
    CHECK_THROWS_WITH(TokenShard(folder.path() / "missing.bin"), Contains("missing.bin: cannot be opened"));
}

TEST_CASE("a token that does not fit is refused before anything is written", "[text]") {
    const TextFolder folder;
    const auto path = folder.path() / "tokens.bin";
    CHECK_THROWS_AS(write_token_shard(path, Tokens{1, 65536}), lamina::ArgumentError);
    CHECK_THROWS_WITH(write_token_shard(path, Tokens{-100}, ShardFormat::bits_32), Contains("token -100 does not fit"));
    CHECK(folder.entries() == 0);
}

TEST_CASE("a full disk is an error that leaves nothing half-written", "[text]") {
    const TextFolder folder;
    const auto path = folder.path() / "tokens.bin";
    write_token_shard(path, Tokens{1, 2, 3});
    const auto large = ranges::views::iota(Token{0}, Token{10'000});
    {
        const FileSizeLimit limit(4096);
        CHECK_THROWS_AS(write_token_shard(path, large), FileError);
        CHECK_THROWS_AS(write_token_shard(folder.path() / "other.bin", large), FileError);
    }
    CHECK(folder.entries() == 1);
    CHECK(all(TokenShard(path)) == Tokens{1, 2, 3});
    CHECK_THROWS_AS(write_token_shard(folder.path() / "missing" / "tokens.bin", Tokens{1}), FileError);
}

TEST_CASE("tokens go to the disk as they come", "[text]") {
    const TextFolder folder;
    {
        TokenShardWriter writer(folder.path() / "tokens.bin");
        for (Token token = 0; token < 1'000'000; ++token) writer.append(token % 65536);
        CHECK(writer.size() == 1'000'000);
        REQUIRE(folder.entries() == 1);
        const auto aside = std::filesystem::directory_iterator(folder.path())->path();
        CHECK(aside.filename() != "tokens.bin");
        CHECK(std::filesystem::file_size(aside) > 1'900'000);
    }
    CHECK(folder.entries() == 0);
    const FileSizeLimit limit(1'000'000);
    TokenShardWriter writer(folder.path() / "tokens.bin", ShardFormat::bits_32);
    CHECK_THROWS_AS(([&] {
                        for (int i = 0; i < 1'000'000; ++i) writer.append(7);
                    }()),
                    FileError);
}

TEST_CASE("a shard longer than what is written at once reads back", "[text]") {
    const TextFolder folder;
    for (const ShardFormat format : {ShardFormat::bits_16, ShardFormat::bits_32}) {
        const auto path = folder.path() / "tokens.bin";
        for (const Token count : {16384, 32768, 32769, 65536}) {
            CHECK(write_token_shard(path, ranges::views::iota(Token{0}, count), format) ==
                  static_cast<std::size_t>(count));
            CHECK(all(TokenShard(path)) == (ranges::views::iota(Token{0}, count) | ranges::to<Tokens>()));
        }
    }
}

TEST_CASE("a series of shards is found again", "[text]") {
    const TextFolder folder;
    const auto stem = folder.path() / "corpus";
    CHECK_THROWS_AS(find_token_shards(stem), FileError);
    CHECK_THROWS_WITH(find_token_shards(stem), Contains("corpus_000000.bin: does not exist"));
    const auto paths = write_token_shards({.stem = stem, .tokens_per_shard = 4}, Tokens{1, 2, 3, 4, 5, 6, 7, 8, 9});
    write_token_shard(folder.path() / "corpus_000004.bin", Tokens{1});  // not of the series: there is no third
    CHECK(paths.size() == 3);
    CHECK(find_token_shards(stem) == paths);
}

TEST_CASE("a long stream goes into a series of shards that reads as one store", "[text]") {
    const TextFolder folder;
    const auto paths = write_token_shards({.stem = folder.path() / "corpus", .tokens_per_shard = 4},
                                          ranges::views::iota(Token{0}, Token{10}));
    REQUIRE(paths.size() == 3);
    CHECK(paths[2].filename() == "corpus_000002.bin");
    CHECK(TokenShard(paths[2]).size() == 2);

    const TokenShards store(paths);
    CHECK(all(store) == Tokens{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    Tokens out(6);
    store.copy(3, out);
    CHECK(out == Tokens{3, 4, 5, 6, 7, 8});
    CHECK_THROWS_AS(store.copy(5, out), lamina::ArgumentError);
    CHECK_THROWS_WITH(store.copy(5, out), "lamina: TokenShards::copy: 6 tokens from place 5 on, but there are 10");
    for (const std::size_t tokens : {std::size_t{0}, shard_capacity + 1}) {
        CHECK_THROWS_AS(write_token_shards({.stem = folder.path() / "none", .tokens_per_shard = tokens}, Tokens{1}),
                        lamina::ArgumentError);
    }
    CHECK_THROWS_WITH(write_token_shards({.stem = folder.path() / "none", .tokens_per_shard = 0}, Tokens{1}),
                      "lamina: write_token_shards: 0 tokens per shard, expected 1 to 2147483647");
    CHECK(write_token_shards({.stem = folder.path() / "even", .tokens_per_shard = 2}, Tokens{1, 2}).size() == 1);
}
