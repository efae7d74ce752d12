// SPDX-License-Identifier: MIT
// TokenFormat: in which of the files that others write the tokens of a corpus lie.
#pragma once

#include <optional>
#include <string_view>

namespace lamina::text {

enum class TokenFormat {
    by_content,  ///< llm_c or npy by the file's first bytes; a file without either's is refused, never guessed at
    llm_c,       ///< llm.c's shard: 256 int32, of which the first are magic, version and number of tokens, then tokens
    raw_u16,     ///< nanoGPT's: uint16 tokens and nothing else
    npy,         ///< NumPy's array of one dimension, of any integers
};

/// The format that a command line calls "auto", "llm.c", "raw-u16" or "npy".
[[nodiscard]] constexpr std::optional<TokenFormat> token_format_of(std::string_view name) {
    if (name == "auto") return TokenFormat::by_content;
    if (name == "llm.c") return TokenFormat::llm_c;
    if (name == "raw-u16") return TokenFormat::raw_u16;
    if (name == "npy") return TokenFormat::npy;
    return std::nullopt;
}

}  // namespace lamina::text
