// SPDX-License-Identifier: MIT
// TokenSlice: a part of a token store, such as what is held out for evaluation.
#pragma once

#include <lamina/text/token_store.hpp>

#include <lamina/core/token.hpp>

#include <cstddef>
#include <span>

namespace lamina::text {

/// Tokens [first, first + size) of a store, which must outlive the slice.
template <TokenStore Store>
class TokenSlice {
public:
    /// errors  ArgumentError past the store's last token
    TokenSlice(const Store& store, std::size_t first, std::size_t size) : store_(&store), first_(first), size_(size) {
        detail::check_part("TokenSlice", first, size, store.size());
    }
    TokenSlice(const Store&&, std::size_t, std::size_t) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// errors  ArgumentError past the last token
    void copy(std::size_t first, std::span<Token> out) const {
        detail::check_part("TokenSlice::copy", first, out.size(), size_);
        store_->copy(first_ + first, out);
    }

private:
    const Store* store_;
    std::size_t first_;
    std::size_t size_;
};

}  // namespace lamina::text
