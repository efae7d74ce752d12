// SPDX-License-Identifier: MIT
// The tokenizer of a model of any size, behind one type.
#pragma once

#include "any_model.hpp"

#include <lamina/core/token.hpp>
#include <lamina/text/tokenizer_concept.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace any_model {

/// A lamina::text::Tokenizer, whatever is behind it.
class Tokenizer {
public:
    template <lamina::text::Tokenizer T>
    explicit Tokenizer(T tokenizer) : behind_(std::make_shared<const Behind<T>>(std::move(tokenizer))) {}

    void encode(std::string_view text, std::vector<lamina::Token>& tokens) const { behind_->encode(text, tokens); }
    [[nodiscard]] std::vector<lamina::Token> encode(std::string_view text) const {
        std::vector<lamina::Token> tokens;
        encode(text, tokens);
        return tokens;
    }
    [[nodiscard]] std::string decode(std::span<const lamina::Token> tokens) const { return behind_->decode(tokens); }
    [[nodiscard]] std::size_t vocab_size() const { return behind_->vocab_size(); }
    [[nodiscard]] lamina::Token end_of_text() const { return behind_->end_of_text(); }

private:
    struct Interface {
        virtual ~Interface() = default;
        virtual void encode(std::string_view text, std::vector<lamina::Token>& tokens) const = 0;
        [[nodiscard]] virtual std::string decode(std::span<const lamina::Token> tokens) const = 0;
        [[nodiscard]] virtual std::size_t vocab_size() const = 0;
        [[nodiscard]] virtual lamina::Token end_of_text() const = 0;
    };
    template <class T>
    struct Behind final : Interface {
        explicit Behind(T t) : tokenizer(std::move(t)) {}
        void encode(std::string_view text, std::vector<lamina::Token>& tokens) const override {
            tokenizer.encode(text, tokens);
        }
        std::string decode(std::span<const lamina::Token> tokens) const override { return tokenizer.decode(tokens); }
        std::size_t vocab_size() const override { return tokenizer.vocab_size(); }
        lamina::Token end_of_text() const override { return tokenizer.end_of_text(); }

        T tokenizer;
    };

    std::shared_ptr<const Interface> behind_;
};

static_assert(lamina::text::Tokenizer<Tokenizer>);

/// Bytes for nano, GPT-2's byte pairs from `folder`, or from the folder of the weights, for the others.
///
/// errors   FileError as Gpt2Tokenizer; ArgumentError when the tokenizer has another number of tokens than the model
[[nodiscard]] Tokenizer open_tokenizer(const Found& found, const std::string& folder);

}  // namespace any_model
