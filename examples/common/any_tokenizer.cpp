// SPDX-License-Identifier: MIT
#include "any_tokenizer.hpp"

#include <lamina/core/error.hpp>
#include <lamina/text/byte_tokenizer.hpp>
#include <lamina/text/gpt2_tokenizer.hpp>
#include <lamina/text/tokenizer_concept.hpp>

#include <memory>
#include <utility>

namespace any_model {

namespace {

namespace text = lamina::text;

template <text::Tokenizer T>
Tokenizer erase(T concrete) {
    const auto tokenizer = std::make_shared<const T>(std::move(concrete));
    return {.encode =
                [tokenizer](const std::string& source) {
                    std::vector<lamina::Token> tokens;
                    tokenizer->encode(source, tokens);
                    return tokens;
                },
            .decode = [tokenizer](std::span<const lamina::Token> tokens) { return tokenizer->decode(tokens); },
            .end_of_text = tokenizer->end_of_text(),
            .size = tokenizer->vocab_size()};
}

}  // namespace

Tokenizer open_tokenizer(const Found& found, const std::string& folder) {
    if (found.model == "nano") return erase(text::ByteTokenizer());
    Tokenizer tokenizer =
        erase(text::Gpt2Tokenizer::from_folder(folder.empty() ? found.weights : std::filesystem::path(folder)));
    if (tokenizer.size != found.architecture.vocab) {
        throw lamina::ArgumentError("the tokenizer has " + std::to_string(tokenizer.size) + " tokens, expected " +
                                    std::to_string(found.architecture.vocab) + " as in " + found.model);
    }
    return tokenizer;
}

}  // namespace any_model
