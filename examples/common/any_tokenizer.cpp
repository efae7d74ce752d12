// SPDX-License-Identifier: MIT
#include "any_tokenizer.hpp"

#include <lamina/core/error.hpp>
#include <lamina/text/byte_tokenizer.hpp>
#include <lamina/text/gpt2_tokenizer.hpp>

#include <filesystem>

namespace any_model {

namespace text = lamina::text;

Tokenizer open_tokenizer(const Found& found, const std::string& folder) {
    if (found.model == "nano") {
        if (folder.empty()) return Tokenizer(text::ByteTokenizer());
        throw lamina::ArgumentError("--tokenizer " + folder +
                                    " is of no use: the model is a nano, whose tokens are bytes");
    }
    const std::filesystem::path from = folder.empty() ? found.weights : std::filesystem::path(folder);
    const auto tokenizer = text::Gpt2Tokenizer::from_folder(from);
    if (tokenizer.vocab_size() != found.architecture.vocab) {
        throw lamina::FileError(from.string(), "has a tokenizer of " + std::to_string(tokenizer.vocab_size()) +
                                                   " tokens, expected " + std::to_string(found.architecture.vocab) +
                                                   " as in " + found.model);
    }
    return Tokenizer(tokenizer);
}

}  // namespace any_model
