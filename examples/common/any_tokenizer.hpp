// SPDX-License-Identifier: MIT
// The tokenizer of a model of any size, behind one type.
#pragma once

#include <lamina/core/token.hpp>
#include <lamina/text/tokenizer_concept.hpp>

#include <cstddef>
#include <filesystem>
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
    [[nodiscard]] bool encodes_in_pieces() const { return behind_->encodes_in_pieces(); }

private:
    struct Interface {
        virtual ~Interface() = default;
        virtual void encode(std::string_view text, std::vector<lamina::Token>& tokens) const = 0;
        [[nodiscard]] virtual std::string decode(std::span<const lamina::Token> tokens) const = 0;
        [[nodiscard]] virtual std::size_t vocab_size() const = 0;
        [[nodiscard]] virtual lamina::Token end_of_text() const = 0;
        [[nodiscard]] virtual bool encodes_in_pieces() const = 0;
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
        bool encodes_in_pieces() const override { return lamina::text::encodes_in_pieces(tokenizer); }

        T tokenizer;
    };

    std::shared_ptr<const Interface> behind_;
};

static_assert(lamina::text::Tokenizer<Tokenizer>);

/// The tokenizer of `folder`, or where that is empty of the folder of the weights, for a model of `vocab` tokens. Where
/// the weights have no tokenizer and `vocab` is as many, tokens are bytes.
///
/// errors   FileError as Gpt2Tokenizer, and when texts become tokens that the model does not have
[[nodiscard]] Tokenizer open_tokenizer(std::size_t vocab, const std::filesystem::path& weights,
                                       const std::filesystem::path& folder);

/// Whether `open_tokenizer` has any to open.
[[nodiscard]] bool has_tokenizer(std::size_t vocab, const std::filesystem::path& weights,
                                 const std::filesystem::path& folder);

}  // namespace any_model
