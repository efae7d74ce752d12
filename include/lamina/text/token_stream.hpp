// SPDX-License-Identifier: MIT
// token_stream: from documents to their tokens, each document followed by end-of-text.
#pragma once

#include <lamina/text/document_piece.hpp>
#include <lamina/text/tokenizer_concept.hpp>

#include <lamina/core/token.hpp>

#include <range/v3/view/join.hpp>
#include <range/v3/view/transform.hpp>
#include <range/v3/view/view.hpp>

#include <memory>
#include <string>
#include <vector>

namespace lamina::text {

/// `documents | token_stream(tokenizer)`: a lazy range-v3 input view of Token. A piece of text is encoded when its
/// first token is asked for, and only one is held at a time, or one document where the tokenizer does not encode in
/// pieces; of such a document what follows its last end is not encoded. The tokenizer must outlive the view.
template <Tokenizer T>
[[nodiscard]] auto token_stream(const T& tokenizer) {
    const auto encode = [tokenizer = &tokenizer, whole = !encodes_in_pieces(tokenizer),
                         document = std::make_shared<std::string>()](const DocumentPiece& piece) {
        std::vector<Token> tokens;
        if (whole && (!piece.ends_document || !document->empty())) {
            *document += piece.text;
            if (!piece.ends_document) return tokens;
            tokenizer->encode(*document, tokens);
            document->clear();
        } else {
            tokenizer->encode(piece.text, tokens);
        }
        if (piece.ends_document) tokens.push_back(tokenizer->end_of_text());
        return tokens;
    };
    return ranges::views::transform(encode) | ranges::views::join;
}
template <Tokenizer T>
auto token_stream(const T&&) = delete;

}  // namespace lamina::text
