// SPDX-License-Identifier: MIT
// TokenLayout: where the tokens lie in a file of any TokenFormat, read from its header and checked against its size.
#pragma once

#include <lamina/text/content.hpp>
#include <lamina/text/token_format.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <lamina/io/file_kind.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lamina::text::detail {

static_assert(std::endian::native == std::endian::little, "lamina: token shards: the files are little-endian");

struct TokenLayout {
    TokenFormat format = TokenFormat::llm_c;
    std::size_t offset = 0;  ///< of the first token, in bytes
    std::size_t count = 0;   ///< tokens
    std::size_t width = 2;   ///< bytes of a token: 1, 2, 4 or 8
    bool has_sign = false;
};

/// Calls `use` with a zero of the type that the tokens are stored as.
template <class Use>
decltype(auto) with_token_type(const TokenLayout& layout, const Use& use) {
    switch (layout.width) {
        case 1:
            return layout.has_sign ? use(std::int8_t{}) : use(std::uint8_t{});
        case 2:
            return layout.has_sign ? use(std::int16_t{}) : use(std::uint16_t{});
        case 4:
            return layout.has_sign ? use(std::int32_t{}) : use(std::uint32_t{});
        default:
            return layout.has_sign ? use(std::int64_t{}) : use(std::uint64_t{});
    }
}

using ShardHeader = std::array<std::int32_t, 256>;

/// What tells llm.c's two kinds of shards apart.
struct ShardKind {
    std::int32_t magic;
    std::int32_t version;
    std::size_t token_bytes;
};
inline constexpr ShardKind shard_of_16_bits{20240520, 1, 2};
inline constexpr ShardKind shard_of_32_bits{20240801, 7, 4};

[[nodiscard]] inline std::optional<ShardKind> shard_kind(std::string_view file) {
    std::int32_t magic = 0;
    if (file.size() < sizeof(magic)) return std::nullopt;
    std::memcpy(&magic, file.data(), sizeof(magic));
    if (magic == shard_of_16_bits.magic) return shard_of_16_bits;
    if (magic == shard_of_32_bits.magic) return shard_of_32_bits;
    return std::nullopt;
}

inline constexpr std::string_view npy_magic = "\x93NUMPY";

/// Reads the header of one file; `path` is for errors.
class TokenLayoutReader {
public:
    TokenLayoutReader(std::string_view file, std::string path) : file_(file), path_(std::move(path)) {}

    /// errors  FileError for what is not as the format says, or of none where its content is to tell
    [[nodiscard]] TokenLayout read(TokenFormat format) const {
        switch (format) {
            case TokenFormat::llm_c:
                return llm_c();
            case TokenFormat::npy:
                return npy();
            case TokenFormat::raw_u16:
                return raw();
            case TokenFormat::by_content:
                break;
        }
        if (file_.empty()) fail("is empty, expected tokens");
        if (shard_kind(file_)) return llm_c();
        if (file_.starts_with(npy_magic)) return npy();
        const io::FileKind kind = io::file_kind(file_, file_.size());
        if (const Content content = content_of(kind); content.form != Form::plain) {
            fail("is " + std::string(content.name) + ", not tokens; " + std::string(content.advice));
        }
        if (kind == io::FileKind::text || kind == io::FileKind::json) fail("is text, not tokens; give it with --text");
        fail(
            "is neither a token shard of llm.c nor a NumPy array; if it is uint16 tokens without a header, as nanoGPT "
            "writes them, say so with --token-format raw-u16");
    }

private:
    [[noreturn]] void fail(const std::string& problem) const { throw FileError(path_, problem); }

    [[nodiscard]] TokenLayout llm_c() const {
        ShardHeader header{};
        if (file_.size() < sizeof(header)) {
            fail("not a token shard: " + std::to_string(file_.size()) + " bytes, the header alone has 1024");
        }
        std::memcpy(header.data(), file_.data(), sizeof(header));
        const std::optional<ShardKind> kind = shard_kind(file_);
        if (!kind) {
            fail("not a token shard: magic " + std::to_string(header[0]) + ", expected 20240520 or 20240801");
        }
        if (header[1] != kind->version) {
            fail("token shard of version " + std::to_string(header[1]) + ", expected " + std::to_string(kind->version));
        }
        if (header[2] < 0) fail("token shard with a negative number of tokens, " + std::to_string(header[2]));
        const auto count = static_cast<std::size_t>(header[2]);
        const std::size_t expected = sizeof(header) + count * kind->token_bytes;
        if (file_.size() != expected) {
            fail("token shard of " + std::to_string(file_.size()) + " bytes, but its " + std::to_string(count) +
                 " tokens take " + std::to_string(expected));
        }
        return {.format = TokenFormat::llm_c, .offset = sizeof(header), .count = count, .width = kind->token_bytes};
    }

    [[nodiscard]] TokenLayout raw() const {
        if (shard_kind(file_) || file_.starts_with(npy_magic)) {
            fail(std::string("begins as ") + (shard_kind(file_) ? "a token shard of llm.c" : "a NumPy array") +
                 " does, which is not raw uint16; leave the format to the content");
        }
        if (file_.size() % 2 != 0) {
            fail("has " + std::to_string(file_.size()) + " bytes, expected an even number of them for uint16 tokens");
        }
        return {.format = TokenFormat::raw_u16, .offset = 0, .count = file_.size() / 2, .width = 2};
    }

    // source   NumPy's numpy.lib.format, versions 1.0 to 3.0
    [[nodiscard]] TokenLayout npy() const {
        constexpr std::size_t after_version = 8;
        if (!file_.starts_with(npy_magic) || file_.size() < after_version) fail("is no NumPy array");
        const auto byte = [this](std::size_t at) { return static_cast<unsigned char>(file_[at]); };
        const unsigned major = byte(6);
        if (major < 1 || major > 3) fail("is a NumPy array of version " + std::to_string(major) + ", expected 1 to 3");
        const std::size_t length_bytes = major == 1 ? 2 : 4;
        const std::size_t first = after_version + length_bytes;
        if (file_.size() < first) fail("ends within the header of its NumPy array");
        std::size_t length = 0;
        for (std::size_t i = 0; i < length_bytes; ++i) length |= std::size_t{byte(after_version + i)} << (8 * i);
        if (length > file_.size() - first) fail("ends within the header of its NumPy array");
        const std::string_view header = file_.substr(first, length);

        TokenLayout layout{.format = TokenFormat::npy, .offset = first + length};
        read_type(header, layout);
        layout.count = read_length(header);
        const std::size_t bytes = file_.size() - layout.offset;
        if (bytes % layout.width != 0 || bytes / layout.width != layout.count) {
            fail("has " + std::to_string(bytes) + " bytes behind its header, but its " + std::to_string(layout.count) +
                 " tokens of " + std::to_string(layout.width) + " bytes take another number");
        }
        return layout;
    }

    /// What stands behind a key of the header, which is a Python dictionary.
    [[nodiscard]] std::string_view behind_key(std::string_view header, std::string_view key) const {
        for (const char quote : {'\'', '"'}) {
            const std::string quoted = quote + std::string(key) + quote;
            std::size_t at = header.find(quoted);
            if (at == std::string_view::npos) continue;
            at = header.find_first_not_of(" :", at + quoted.size());
            if (at != std::string_view::npos) return header.substr(at);
        }
        fail("has a NumPy header without '" + std::string(key) + "'");
    }

    void read_type(std::string_view header, TokenLayout& layout) const {
        constexpr std::string_view expected = ", expected integers such as '<u2', '<i4', '<u4' or '<i8'";
        const std::string_view rest = behind_key(header, "descr");
        const bool quoted = rest.starts_with('\'') || rest.starts_with('"');
        const std::size_t end = quoted ? rest.find(rest.front(), 1) : std::string_view::npos;
        if (end == std::string_view::npos) fail("is a NumPy array of records" + std::string(expected));
        const std::string_view type = rest.substr(1, end - 1);
        const auto refuse = [&](const std::string& kind) {
            fail("is a NumPy array of " + kind + in_quotes(type) + std::string(expected));
        };
        if (type.starts_with('>')) refuse("big-endian ");
        if (type.size() != 3 || std::string_view("<|=").find(type[0]) == std::string_view::npos) refuse("");
        if ((type[1] != 'u' && type[1] != 'i') || std::string_view("1248").find(type[2]) == std::string_view::npos) {
            refuse("");
        }
        layout.has_sign = type[1] == 'i';
        layout.width = static_cast<std::size_t>(type[2] - '0');
    }

    /// The length of a shape of one dimension, "(9000,)".
    [[nodiscard]] std::size_t read_length(std::string_view header) const {
        const std::string_view rest = behind_key(header, "shape");
        const std::string_view shape = rest.substr(0, std::min(rest.find(')'), rest.size() - 1) + 1);
        std::size_t length = 0;
        const std::size_t digits = shape.find_first_of("0123456789");
        const std::string_view number = shape.substr(std::min(digits, shape.size()));
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), length);
        // Python 2 wrote an L behind it.
        const std::string_view tail(end, static_cast<std::size_t>(number.data() + number.size() - end));
        const bool one = shape.starts_with('(') && shape.ends_with(')') && error == std::errc() &&
                         tail.find_first_not_of(" ,L)") == std::string_view::npos;
        if (!one)
            fail("is a NumPy array of shape " + printable(shape, 40) + ", expected one dimension, such as (9000,)");
        return length;
    }

    std::string_view file_;
    std::string path_;
};

}  // namespace lamina::text::detail
