// SPDX-License-Identifier: MIT
// Token shards: tokens in files of several formats, read without loading them; in llm.c's written, whole or not at all.
#pragma once

#include <lamina/text/detail/token_layout.hpp>
#include <lamina/text/token_format.hpp>
#include <lamina/text/token_store.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>

#include <lamina/io/atomic_file.hpp>
#include <lamina/io/memory_map.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::text {

/// The two layouts of llm.c's shards: a header of 256 int32 (magic, version, number of tokens, zeros), then the tokens.
enum class ShardFormat {
    bits_16,  ///< magic 20240520, version 1, uint16 tokens: GPT-2
    bits_32,  ///< magic 20240801, version 7, uint32 tokens: vocabularies above 65,536
};

/// How many tokens one shard can hold: its header has their number as an int32.
inline constexpr std::size_t shard_capacity = std::numeric_limits<std::int32_t>::max();

namespace detail {

[[nodiscard]] constexpr ShardKind kind_of(ShardFormat format) {
    return format == ShardFormat::bits_16 ? shard_of_16_bits : shard_of_32_bits;
}

}  // namespace detail

/// A file of tokens, mapped into memory. Move-only.
class TokenShard {
public:
    /// errors  FileError if the file cannot be mapped; if it is not as the format has it, or of none by its content; if
    ///         its size is not exactly what its number of tokens takes
    explicit TokenShard(const std::filesystem::path& path, TokenFormat format = TokenFormat::by_content)
        : path_(path), map_(path) {
        const std::span<const std::byte> bytes = map_.bytes();
        const std::string_view file(static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size());
        layout_ = detail::TokenLayoutReader(file, path.string()).read(format);
    }

    [[nodiscard]] std::size_t size() const noexcept { return layout_.count; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// What the file is; never by_content.
    [[nodiscard]] TokenFormat format() const noexcept { return layout_.format; }

    /// A number that is no Token comes as -1, which is in no vocabulary.
    ///
    /// errors  ArgumentError past the last token
    void copy(std::size_t first, std::span<Token> out) const {
        detail::check_part("TokenShard::copy", first, out.size(), size());
        detail::with_token_type(layout_, [&](auto number) {
            const std::byte* from = place_of(first);
            for (Token& token : out) {
                std::memcpy(&number, from, sizeof(number));
                token = std::in_range<Token>(number) ? static_cast<Token>(number) : Token{-1};
                from += sizeof(number);
            }
        });
    }

    /// Reads all tokens, since a shard made elsewhere may be another tokenizer's.
    ///
    /// errors  FileError naming the first token that is not below `vocab`, and its place, counted from 0
    void expect_below(std::size_t vocab) const {
        detail::with_token_type(layout_, [&](auto number) {
            const std::byte* from = place_of(0);
            for (std::size_t place = 0; place < size(); ++place) {
                std::memcpy(&number, from, sizeof(number));
                if (std::cmp_less(number, 0) || std::cmp_greater_equal(number, vocab)) {
                    throw FileError(path_.string(), "has token " + std::to_string(number) + " at position " +
                                                        std::to_string(place) + ", expected tokens below " +
                                                        std::to_string(vocab) +
                                                        "; was the text encoded with this model's tokenizer?");
                }
                from += sizeof(number);
            }
        });
    }

private:
    [[nodiscard]] const std::byte* place_of(std::size_t token) const {
        return map_.bytes().data() + layout_.offset + token * layout_.width;
    }

    std::filesystem::path path_;
    io::MemoryMap map_;
    detail::TokenLayout layout_;
};

/// Several shards as one corpus, in the order given; a block may reach from one into the next.
class TokenShards {
public:
    /// errors  FileError as TokenShard
    explicit TokenShards(const std::vector<std::filesystem::path>& paths,
                         TokenFormat format = TokenFormat::by_content) {
        for (const std::filesystem::path& path : paths) {
            shards_.emplace_back(path, format);
            ends_.push_back(size() + shards_.back().size());
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return ends_.empty() ? 0 : ends_.back(); }

    /// errors  ArgumentError past the last token
    void copy(std::size_t first, std::span<Token> out) const {
        detail::check_part("TokenShards::copy", first, out.size(), size());
        auto shard = static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), first) - ends_.begin());
        while (!out.empty()) {
            const std::size_t count = std::min(out.size(), ends_[shard] - first);
            shards_[shard].copy(first - (ends_[shard] - shards_[shard].size()), out.first(count));
            out = out.subspan(count);
            first += count;
            ++shard;
        }
    }

    /// errors  FileError as TokenShard::expect_below
    void expect_below(std::size_t vocab) const {
        for (const TokenShard& shard : shards_) shard.expect_below(vocab);
    }

private:
    std::vector<TokenShard> shards_;
    std::vector<std::size_t> ends_;  // tokens up to and including each shard
};

static_assert(TokenStore<TokenShard> && TokenStore<TokenShards>);

/// Writes tokens into one shard as they come, beside its destination until `commit`.
///
/// memory  some ten kilobytes, whatever the number of tokens
class TokenShardWriter {
public:
    /// errors  FileError as AtomicFile
    explicit TokenShardWriter(const std::filesystem::path& path, ShardFormat format = ShardFormat::bits_16)
        : file_(path), format_(format) {
        body_.reserve(flushed_bytes);
        const detail::ShardHeader place_of_header{};
        file_.write(std::as_bytes(std::span(place_of_header)));
    }

    /// errors  ArgumentError if the format cannot hold the token, or the shard one token more; FileError with the
    ///         system's reason, such as a full disk. Without commit() no file is left, and an old one stays
    void append(Token token) {
        if (size_ == shard_capacity) {
            throw ArgumentError(file_.path().string() + ": a token shard holds at most " +
                                std::to_string(shard_capacity) + " tokens; use write_token_shards");
        }
        if (token < 0 || (format_ == ShardFormat::bits_16 && token > 0xFFFF)) {
            throw ArgumentError(file_.path().string() + ": token " + std::to_string(token) +
                                " does not fit in the shard's unsigned integers");
        }
        const std::size_t width = detail::kind_of(format_).token_bytes;
        if (body_.size() == flushed_bytes) flush();
        body_.resize(body_.size() + width);
        std::memcpy(body_.data() + body_.size() - width, &token, width);
        ++size_;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Syncs the shard and gives it its name. Call it once, last.
    ///
    /// errors  FileError with the system's reason; then no file is left, and an old one stays
    void commit() {
        flush();
        const detail::ShardKind kind = detail::kind_of(format_);
        const detail::ShardHeader header{kind.magic, kind.version, static_cast<std::int32_t>(size_)};
        file_.overwrite_start(std::as_bytes(std::span(header)));
        file_.commit();
    }

private:
    static constexpr std::size_t flushed_bytes = std::size_t{1} << 16U;  // a multiple of either width

    void flush() {
        file_.write(body_);
        body_.clear();
    }

    io::AtomicFile file_;
    ShardFormat format_;
    std::vector<std::byte> body_;
    std::size_t size_ = 0;
};

/// Writes all tokens of a range, lazy or not, into one shard; returns their number.
///
/// errors  those of the range, and of TokenShardWriter; after any of them no file is left
template <class TokenRange>
std::size_t write_token_shard(const std::filesystem::path& path, TokenRange&& tokens,
                              ShardFormat format = ShardFormat::bits_16) {
    TokenShardWriter writer(path, format);
    for (const Token token : tokens) writer.append(token);
    const std::size_t count = writer.size();
    writer.commit();
    return count;
}

namespace detail {

[[nodiscard]] inline std::filesystem::path shard_path(const std::filesystem::path& stem, std::size_t index) {
    std::string number = std::to_string(index);
    number.insert(0, 6 - std::min<std::size_t>(number.size(), 6), '0');
    return stem.string() + "_" + number + ".bin";
}

}  // namespace detail

/// Where the shards of one corpus go, and how large they are.
struct ShardSeries {
    std::filesystem::path stem;                  ///< shard i is STEM_00000i.bin
    std::size_t tokens_per_shard = 100'000'000;  ///< the last one may have fewer
    ShardFormat format = ShardFormat::bits_16;
};

/// Writes a range of any length into as many shards as it takes; returns their paths. An old series of the same stem is
/// overwritten where the names meet: where a reader must not see half a series, write it into an io::AtomicFolder.
///
/// errors  ArgumentError when a shard cannot have so many tokens; those of the range, and of TokenShardWriter; shards
///         finished before the error stay
template <class TokenRange>
std::vector<std::filesystem::path> write_token_shards(const ShardSeries& series, TokenRange&& tokens) {
    if (series.tokens_per_shard == 0 || series.tokens_per_shard > shard_capacity) {
        throw ArgumentError("lamina: write_token_shards: " + std::to_string(series.tokens_per_shard) +
                            " tokens per shard, expected 1 to " + std::to_string(shard_capacity));
    }
    std::vector<std::filesystem::path> paths;
    std::optional<TokenShardWriter> writer;
    const auto begin_shard = [&] {
        paths.push_back(detail::shard_path(series.stem, paths.size()));
        writer.emplace(paths.back(), series.format);
    };
    begin_shard();
    for (const Token token : tokens) {
        if (writer->size() == series.tokens_per_shard) {
            writer->commit();
            begin_shard();
        }
        writer->append(token);
    }
    writer->commit();
    return paths;
}

/// The shards of a series, in order: as many as follow each other without a gap.
///
/// errors  FileError when there is not even the first
[[nodiscard]] inline std::vector<std::filesystem::path> find_token_shards(const std::filesystem::path& stem) {
    std::vector<std::filesystem::path> paths;
    std::filesystem::path next = detail::shard_path(stem, 0);
    if (!std::filesystem::exists(next))
        throw FileError(next.string(), "does not exist, so there is no series of shards");
    for (; std::filesystem::exists(next); next = detail::shard_path(stem, paths.size())) paths.push_back(next);
    return paths;
}

}  // namespace lamina::text
