// SPDX-License-Identifier: MIT
// TokenSlice: a part of a token store, such as what is held out for evaluation.
#pragma once

#include <lamina/text/token_store.hpp>

#include <lamina/core/expects.hpp>
#include <lamina/core/token.hpp>

#include <cstddef>
#include <span>

namespace lamina::text {

/// Tokens [first, first + size) of a store, which must outlive the slice.
template <TokenStore Store>
class TokenSlice {
public:
    TokenSlice(const Store& store, std::size_t first, std::size_t size) : store_(&store), first_(first), size_(size) {
        LAMINA_EXPECTS(first <= store.size() && size <= store.size() - first,
                       "TokenSlice: past the store's last token");
    }
    TokenSlice(const Store&&, std::size_t, std::size_t) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void copy(std::size_t first, std::span<Token> out) const {
        LAMINA_EXPECTS(first <= size_ && out.size() <= size_ - first, "TokenSlice::copy: past the last token");
        store_->copy(first_ + first, out);
    }

private:
    const Store* store_;
    std::size_t first_;
    std::size_t size_;
};

}  // namespace lamina::text
