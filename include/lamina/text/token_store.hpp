// SPDX-License-Identifier: MIT
// TokenStore: a corpus of tokens of known size that can be read at any place; and one that lies in memory.
#pragma once

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lamina::text {

namespace detail {

/// Throws ArgumentError unless a store of `size` tokens has those that are asked for.
inline void check_part(const char* where, std::size_t first, std::size_t count, std::size_t size) {
    if (first <= size && count <= size - first) return;
    throw ArgumentError("lamina: " + std::string(where) + ": " + std::to_string(count) + " tokens from place " +
                        std::to_string(first) + " on, but there are " + std::to_string(size));
}

}  // namespace detail

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

    /// errors  ArgumentError past the last token
    void copy(std::size_t first, std::span<Token> out) const {
        detail::check_part("TokenMemory::copy", first, out.size(), size());
        std::copy_n(tokens().subspan(first).begin(), out.size(), out.begin());
    }

private:
    std::vector<Token> tokens_;
};

static_assert(TokenStore<TokenMemory>);

}  // namespace lamina::text
