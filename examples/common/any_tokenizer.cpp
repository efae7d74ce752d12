// SPDX-License-Identifier: MIT
#include "any_tokenizer.hpp"

#include <lamina/core/error.hpp>
#include <lamina/text/byte_tokenizer.hpp>
#include <lamina/text/gpt2_tokenizer.hpp>

#include <filesystem>

namespace any_model {

namespace text = lamina::text;
namespace fs = std::filesystem;

namespace {

bool are_bytes(std::size_t vocab, const fs::path& weights, const fs::path& folder) {
    return vocab == text::ByteTokenizer::vocab_size() && folder.empty() && !text::Gpt2Tokenizer::is_in(weights);
}

}  // namespace

Tokenizer open_tokenizer(std::size_t vocab, const fs::path& weights, const fs::path& folder) {
    if (are_bytes(vocab, weights, folder)) return Tokenizer(text::ByteTokenizer());
    const fs::path& from = folder.empty() ? weights : folder;
    const auto tokenizer = text::Gpt2Tokenizer::from_folder(from);
    try {
        return Tokenizer(tokenizer.with_vocab_size(vocab));
    } catch (const lamina::ArgumentError& error) {
        throw lamina::FileError(from.string(), std::string("is not this model's: ") + error.what());
    }
}

bool has_tokenizer(std::size_t vocab, const fs::path& weights, const fs::path& folder) {
    return !folder.empty() || are_bytes(vocab, weights, folder) || text::Gpt2Tokenizer::is_in(weights);
}

}  // namespace any_model
