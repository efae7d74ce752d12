// SPDX-License-Identifier: MIT
// The tokenizer of a model of any size, behind one type.
#pragma once

#include "any_model.hpp"

#include <lamina/core/token.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace any_model {

/// Text in, tokens out and back, whatever the tokenizer.
struct Tokenizer {
    std::function<std::vector<lamina::Token>(const std::string&)> encode;
    std::function<std::string(std::span<const lamina::Token>)> decode;
    lamina::Token end_of_text = 0;
    std::size_t size = 0;
};

/// Bytes for nano, GPT-2's byte pairs from `folder`, or from the folder of the weights, for the others.
///
/// errors   FileError as Gpt2Tokenizer; ArgumentError when the tokenizer has another number of tokens than the model
[[nodiscard]] Tokenizer open_tokenizer(const Found& found, const std::string& folder);

}  // namespace any_model
