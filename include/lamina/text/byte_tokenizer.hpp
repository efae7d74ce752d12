// SPDX-License-Identifier: MIT
// ByteTokenizer: every byte is its own token; needs no files.
#pragma once

#include <lamina/text/tokenizer_concept.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::text {

/// Tokens 0..255 are the bytes, 256 is end-of-text.
class ByteTokenizer {
public:
    /// Appends one token per byte.
    void encode(std::string_view text, std::vector<Token>& tokens) const {
        tokens.reserve(tokens.size() + text.size());
        for (const char byte : text) tokens.push_back(static_cast<unsigned char>(byte));
    }

    [[nodiscard]] std::vector<Token> encode(std::string_view text) const {
        std::vector<Token> tokens;
        encode(text, tokens);
        return tokens;
    }

    /// End-of-text comes out as its literal. Throws ArgumentError on a token outside the vocabulary.
    [[nodiscard]] std::string decode(std::span<const Token> tokens) const {
        std::string text;
        text.reserve(tokens.size());
        for (const Token token : tokens) {
            if (token < 0 || token > end_of_text()) {
                throw ArgumentError("token " + std::to_string(token) + " is not in the byte vocabulary of " +
                                    std::to_string(vocab_size()));
            }
            if (token == end_of_text()) {
                text += end_of_text_literal;
            } else {
                text += static_cast<char>(static_cast<unsigned char>(token));
            }
        }
        return text;
    }

    [[nodiscard]] static constexpr std::size_t vocab_size() noexcept { return 257; }
    [[nodiscard]] static constexpr Token end_of_text() noexcept { return 256; }
};

static_assert(Tokenizer<ByteTokenizer>);

}  // namespace lamina::text
