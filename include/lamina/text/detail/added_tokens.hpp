// SPDX-License-Identifier: MIT
// AddedTokens: finds a tokenizer's added tokens in a text and hands out what lies between them.
#pragma once

#include <lamina/text/detail/character_class.hpp>
#include <lamina/text/detail/tokenizer_description.hpp>
#include <lamina/text/detail/utf8.hpp>
#include <lamina/text/detail/word_character.hpp>

#include <lamina/core/token.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
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
        for (std::size_t i = 0; i < tokens_.size(); ++i) {
            std::size_t node = 0;
            for (const char byte : tokens_[i].content) node = enter(node, byte);
            nodes_[node].token = i;
        }
        for (const auto& [byte, node] : nodes_[0].next) {
            starts_[static_cast<unsigned char>(byte)] = true;
        }
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

private:
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    /// What the bytes on the way to it spell.
    struct Node {
        std::vector<std::pair<char, std::size_t>> next;  // a byte, and the node that it leads to
        std::size_t token = none;                        // the index of the token that ends here
    };

    [[nodiscard]] std::size_t next(std::size_t node, char byte) const {
        for (const auto& [step, to] : nodes_[node].next) {
            if (step == byte) return to;
        }
        return none;
    }

    std::size_t enter(std::size_t node, char byte) {
        if (const std::size_t known = next(node, byte); known != none) return known;
        nodes_[node].next.emplace_back(byte, nodes_.size());
        nodes_.emplace_back();
        return nodes_.size() - 1;
    }

    /// The next place from `at` on where a token may start, or the end.
    [[nodiscard]] std::size_t candidate(std::string_view text, std::size_t at) const {
        // The tokens of most tokenizers, if there are several, begin alike: a library's search beats any loop.
        if (nodes_[0].next.empty()) return text.size();
        if (nodes_[0].next.size() == 1) return std::min(text.find(nodes_[0].next[0].first, at), text.size());
        while (at < text.size() && !starts_[static_cast<unsigned char>(text[at])]) ++at;
        return at;
    }

    [[nodiscard]] const AddedToken* longest_at(std::string_view text, std::size_t at, CountedTokens counted) const {
        const AddedToken* longest = nullptr;
        for (std::size_t node = next(0, text[at]); node != none; node = next(node, text[at])) {
            const std::size_t index = nodes_[node].token;
            if (index != none && counted.has(tokens_[index].id)) longest = &tokens_[index];
            if (++at == text.size()) break;
        }
        return longest;
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
    std::vector<Node> nodes_ = std::vector<Node>(1);  // the first is where all tokens start
    std::array<bool, 256> starts_{};                  // whether a token starts with this byte
};

}  // namespace lamina::text::detail
