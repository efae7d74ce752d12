// SPDX-License-Identifier: MIT
// blocks: a stream of tokens in blocks of fixed length, each sharing some tokens with the next if wanted.
#pragma once

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>

#include <range/v3/iterator/default_sentinel.hpp>
#include <range/v3/range/access.hpp>
#include <range/v3/range/concepts.hpp>
#include <range/v3/range/traits.hpp>
#include <range/v3/view/all.hpp>
#include <range/v3/view/facade.hpp>
#include <range/v3/view/view.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lamina::text {

/// Lengths in tokens.
struct BlockShape {
    std::size_t length = 1024;
    std::size_t overlap = 0;  ///< tokens at a block's end that the next block starts with; 1 for targets past the block
};

/// A lazy range-v3 input view of blocks, `std::span<const Token>` valid until the next is asked for. Tokens are read
/// when the block that needs them is. Those after the last whole block are dropped.
///
/// errors   ArgumentError for an overlap as long as a block; lamina::Error from begin() if the tokens do not fill one
///          block, with their number
template <class TokenRange>
class BlockView : public ranges::view_facade<BlockView<TokenRange>, ranges::finite> {
public:
    BlockView() = default;
    BlockView(TokenRange tokens, BlockShape shape) : tokens_(std::move(tokens)), shape_(shape) {
        if (shape.overlap >= shape.length) {
            throw ArgumentError("lamina: blocks: an overlap of " + std::to_string(shape.overlap) +
                                " tokens, expected fewer than the block's " + std::to_string(shape.length));
        }
    }

private:
    friend ranges::range_access;

    class Cursor {
    public:
        using single_pass = std::true_type;

        Cursor() = default;
        explicit Cursor(BlockView& view) : view_(&view), next_(ranges::begin(view.tokens_)) {
            view.block_.clear();
            fill();
            if (!done_) return;
            throw Error("the corpus has " + std::to_string(view.block_.size()) + " tokens, one block takes " +
                        std::to_string(view.shape_.length));
        }

        [[nodiscard]] std::span<const Token> read() const { return view_->block_; }

        void next() {
            std::vector<Token>& block = view_->block_;
            const std::size_t shared = view_->shape_.overlap;
            std::copy(block.end() - static_cast<std::ptrdiff_t>(shared), block.end(), block.begin());
            block.resize(shared);
            fill();
        }

        [[nodiscard]] bool equal(ranges::default_sentinel_t) const { return done_; }

    private:
        void fill() {
            std::vector<Token>& block = view_->block_;
            block.reserve(view_->shape_.length);
            while (block.size() < view_->shape_.length) {
                // Stepping on may read the next document, so it waits until its first token is wanted.
                if (stands_on_used_token_) ++next_;
                stands_on_used_token_ = false;
                if (next_ == ranges::end(view_->tokens_)) {
                    done_ = true;
                    return;
                }
                block.push_back(*next_);
                stands_on_used_token_ = true;
            }
        }

        BlockView* view_ = nullptr;
        ranges::iterator_t<TokenRange> next_{};
        bool stands_on_used_token_ = false;
        bool done_ = false;
    };

    [[nodiscard]] Cursor begin_cursor() { return Cursor(*this); }

    TokenRange tokens_{};
    BlockShape shape_;
    std::vector<Token> block_;
};

/// `tokens | blocks({.length = 1024})`.
[[nodiscard]] inline auto blocks(const BlockShape& shape) {
    return ranges::make_view_closure([shape]<class TokenRange>(TokenRange&& tokens) {
        using View = ranges::views::all_t<TokenRange>;
        return BlockView<View>(ranges::views::all(std::forward<TokenRange>(tokens)), shape);
    });
}

}  // namespace lamina::text
