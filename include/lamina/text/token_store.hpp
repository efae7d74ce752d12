// SPDX-License-Identifier: MIT
// TokenStore: a corpus of tokens of known size that can be read at any place; and one that lies in memory.
#pragma once

#include <lamina/core/expects.hpp>
#include <lamina/core/token.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace lamina::text {

/// What batches are cut from.
///
/// size()            tokens in the store
/// copy(first, out)  overwrites `out` with the tokens from `first` on; first + out.size() <= size()
template <class T>
concept TokenStore = requires(const T& store, std::size_t first, std::span<Token> out) {
    { store.size() } -> std::convertible_to<std::size_t>;
    store.copy(first, out);
};

/// Tokens in memory.
class TokenMemory {
public:
    explicit TokenMemory(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    [[nodiscard]] std::size_t size() const noexcept { return tokens_.size(); }
    [[nodiscard]] std::span<const Token> tokens() const noexcept { return tokens_; }

    void copy(std::size_t first, std::span<Token> out) const {
        LAMINA_EXPECTS(first <= size() && out.size() <= size() - first, "TokenMemory::copy: past the last token");
        std::copy_n(tokens().subspan(first).begin(), out.size(), out.begin());
    }

private:
    std::vector<Token> tokens_;
};

static_assert(TokenStore<TokenMemory>);

}  // namespace lamina::text
