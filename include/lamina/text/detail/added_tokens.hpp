// SPDX-License-Identifier: MIT
// AddedTokens: finds a tokenizer's added tokens in a text and hands out what lies between them.
#pragma once

#include <lamina/text/detail/character_class.hpp>
#include <lamina/text/detail/token_bytes.hpp>
#include <lamina/text/detail/tokenizer_description.hpp>
#include <lamina/text/detail/utf8.hpp>
#include <lamina/text/detail/word_character.hpp>

#include <lamina/core/token.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::text::detail {

/// Which of the added tokens count in a text.
struct CountedTokens {
    Token below = std::numeric_limits<Token>::max();  ///< only those with smaller ids
    Token except = -1;                                ///< not this one

    [[nodiscard]] bool has(Token token) const { return token < below && token != except; }
};

/// Tokens that are looked for together: at each place the longest, from left to right. One that turns out not to be a
/// single word is passed over, with all that it covers, as in Hugging Face's `tokenizers`.
class AddedTokens {
public:
    AddedTokens() = default;

    explicit AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
        std::vector<std::string> contents;
        for (const AddedToken& token : tokens_) {
            contents.push_back(token.content);
            std::vector<std::size_t>& lengths = lengths_[first_byte(token.content)];
            if (lengths.empty()) first_bytes_ += token.content.front();
            lengths.push_back(token.content.size());
        }
        for (std::vector<std::size_t>& lengths : lengths_) {
            std::sort(lengths.begin(), lengths.end(), std::greater<>{});
            lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
        }
        contents_ = TokenBytes(contents);
    }

    /// Calls `between(text)` for all that is no token and not empty, and `found(id)` for the tokens, in order.
    template <class Between, class Found>
    void split(std::string_view text, CountedTokens counted, Between between, Found found) const {
        std::size_t done = 0;
        for (std::size_t at = candidate(text, 0); at < text.size();) {
            const AddedToken* const token = longest_at(text, at, counted);
            if (token == nullptr) {
                at = candidate(text, at + 1);
                continue;
            }
            std::size_t start = at;
            std::size_t end = at + token->content.size();
            at = candidate(text, end);
            if (token->single_word && (word_ends_at(text, start) || word_starts_at(text, end))) continue;
            if (token->lstrip) start = std::max(done, white_space_before(text, start));
            if (token->rstrip) end = white_space_end(text, end);
            if (done < start) between(text.substr(done, start - done));
            found(token->id);
            done = end;
        }
        if (done < text.size()) between(text.substr(done));
    }

    [[nodiscard]] const std::vector<AddedToken>& tokens() const noexcept { return tokens_; }

private:
    [[nodiscard]] static std::size_t first_byte(std::string_view text) {
        return static_cast<unsigned char>(text.front());
    }

    /// The next place from `at` on where a token may start, or the end.
    [[nodiscard]] std::size_t candidate(std::string_view text, std::size_t at) const {
        // Most tokenizers have one added token, or several that begin alike: a library's search beats any loop.
        if (first_bytes_.size() <= 1)
            return std::min(first_bytes_.empty() ? text.size() : text.find(first_bytes_[0], at), text.size());
        while (at < text.size() && lengths_[first_byte(text.substr(at))].empty()) ++at;
        return at;
    }

    [[nodiscard]] const AddedToken* longest_at(std::string_view text, std::size_t at, CountedTokens counted) const {
        for (const std::size_t length : lengths_[first_byte(text.substr(at))]) {
            if (length > text.size() - at) continue;
            const Token index = contents_.find(text.substr(at, length));
            if (index == TokenBytes::none) continue;
            const AddedToken& token = tokens_[static_cast<std::size_t>(index)];
            if (counted.has(token.id)) return &token;
        }
        return nullptr;
    }

    [[nodiscard]] static bool word_ends_at(std::string_view text, std::size_t at) {
        return at > 0 && is_word_character(text, character_before(text, at));
    }
    [[nodiscard]] static bool word_starts_at(std::string_view text, std::size_t at) {
        return at < text.size() && is_word_character(text, at);
    }
    [[nodiscard]] static std::size_t white_space_before(std::string_view text, std::size_t at) {
        while (at > 0) {
            const std::size_t before = character_before(text, at);
            if (classify(text, before).kind != CharacterClass::space) break;
            at = before;
        }
        return at;
    }
    [[nodiscard]] static std::size_t white_space_end(std::string_view text, std::size_t at) {
        while (at < text.size()) {
            const ClassifiedCharacter next = classify(text, at);
            if (next.kind != CharacterClass::space) break;
            at += next.length;
        }
        return at;
    }

    std::vector<AddedToken> tokens_;
    TokenBytes contents_;                                // the index in `tokens_` of each
    std::array<std::vector<std::size_t>, 256> lengths_;  // of the tokens with this first byte, the longest first
    std::string first_bytes_;                            // those that any token has
};

}  // namespace lamina::text::detail
