// SPDX-License-Identifier: MIT
// Tokenizer: what the text pipeline asks of anything that turns bytes into tokens and back.
#pragma once

#include <lamina/core/token.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::text {

/// How the end of a document is spelled in text files, and what `decode` makes of the end-of-text token, unless the
/// tokenizer has another text for it.
inline constexpr std::string_view end_of_text_literal = "<|endoftext|>";

/// Turns bytes into tokens and back.
///
/// encode(text, tokens)  appends the tokens of `text` to `tokens`, in order; adds no end-of-text of its own
/// decode(tokens)        the bytes that the tokens stand for: decode(encode(x)) == x for any bytes x, unless the
///                       tokenizer says when not
/// vocab_size()          tokens are in [0, vocab_size())
/// end_of_text()         the token that separates documents
/// encodes_in_pieces()   optional: whether a text that is cut before white space has the tokens of its pieces; a
///                       tokenizer without it encodes in pieces
///
/// All are const and may be called from several threads at once.
template <class T>
concept Tokenizer = requires(const T& tokenizer, std::string_view text, std::vector<Token>& tokens,
                             std::span<const Token> encoded) {
    tokenizer.encode(text, tokens);
    { tokenizer.decode(encoded) } -> std::convertible_to<std::string>;
    { tokenizer.vocab_size() } -> std::convertible_to<std::size_t>;
    { tokenizer.end_of_text() } -> std::convertible_to<Token>;
};

/// Whether a text may be encoded piece by piece, see above.
template <Tokenizer T>
[[nodiscard]] constexpr bool encodes_in_pieces(const T& tokenizer) {
    if constexpr (requires { tokenizer.encodes_in_pieces(); }) {
        return tokenizer.encodes_in_pieces();
    } else {
        return true;
    }
}

}  // namespace lamina::text
