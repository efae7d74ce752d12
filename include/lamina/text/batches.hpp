// SPDX-License-Identifier: MIT
// Batches: micro-batches from a token store, in an order that a seed decides and a run can come back to.
#pragma once

#include <lamina/text/collate.hpp>
#include <lamina/text/token_store.hpp>
#include <lamina/text/torch_permutation.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>
#include <lamina/core/token_batch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lamina::text {

/// The order in which an epoch visits the blocks.
enum class BlockOrder {
    shuffled,  ///< torch_permutation(blocks, seed + epoch)
    stored,    ///< first to last, for evaluation
};

/// What becomes of the blocks at the end of an epoch that do not fill a micro-batch.
enum class LastBatch {
    dropped,  ///< another epoch's shuffle will place them elsewhere; every micro-batch has the same shape
    smaller,  ///< they make a micro-batch of fewer sequences; every token is seen
};

/// The shape of a micro-batch and how it is made.
struct BatchOptions {
    std::size_t batch = 1;        ///< B, sequences
    std::size_t sequence = 1024;  ///< T, tokens per sequence
    TargetRule targets = {};
    BlockOrder order = BlockOrder::shuffled;
    LastBatch last_batch = LastBatch::dropped;
};

/// A place in the endless sequence of micro-batches; with the same store and options, all that resuming needs.
struct BatchPosition {
    std::uint64_t epoch = 0;  ///< epochs finished
    std::uint64_t index = 0;  ///< micro-batches already taken in this epoch
    std::uint64_t seed = 42;

    friend bool operator==(const BatchPosition&, const BatchPosition&) = default;
};

/// Cuts a store into blocks of T tokens (one more is read past each with LastTarget::next_token), and hands them out in
/// micro-batches, epoch after epoch. What is left of the store after its last block is never read.
///
/// memory  4 bytes per block for the order, and one micro-batch; next() allocates only where an epoch starts
template <TokenStore Store>
class Batches {
public:
    /// The store must outlive the batches.
    ///
    /// errors  lamina::Error if the store is empty, shorter than one block, or has too few blocks for one micro-batch;
    ///         ArgumentError for a zero in the shape, or a position past the epoch's end
    Batches(const Store& store, const BatchOptions& options, const BatchPosition& position = {})
        : store_(&store), options_(options), position_(position) {
        if (options.batch == 0 || options.sequence == 0) {
            throw ArgumentError("a micro-batch needs at least one sequence of one token");
        }
        count_blocks();
        if (position.index > per_epoch()) {
            throw ArgumentError("position " + std::to_string(position.index) + " is past the " +
                                std::to_string(per_epoch()) +
                                " micro-batches of an epoch; was it saved with another corpus or another batch?");
        }
        block_.resize(block_length(options.sequence, options.targets.last));
        inputs_.resize(std::min(options.batch, blocks_) * options.sequence);
        targets_.resize(inputs_.size());
        start_epoch();
    }
    Batches(const Store&&, const BatchOptions&, const BatchPosition& = {}) = delete;

    /// The next micro-batch. Its spans are valid until the call after this one.
    [[nodiscard]] TokenBatch next() {
        if (position_.index == per_epoch()) {
            ++position_.epoch;
            position_.index = 0;
            start_epoch();
        }
        const std::size_t first = static_cast<std::size_t>(position_.index) * options_.batch;
        const std::size_t count = std::min(options_.batch, blocks_ - first);
        const std::size_t sequence = options_.sequence;
        for (std::size_t row = 0; row < count; ++row) {
            const std::size_t block = order_.empty() ? first + row : order_[first + row];
            store_->copy(block * sequence, block_);
            collate(block_, options_.targets, std::span(inputs_).subspan(row * sequence, sequence),
                    std::span(targets_).subspan(row * sequence, sequence));
        }
        ++position_.index;
        return {std::span<const Token>(inputs_).first(count * sequence),
                std::span<const Token>(targets_).first(count * sequence), sequence};
    }

    /// Where next() will go on. Batches made with this position continue with exactly the same micro-batches.
    [[nodiscard]] const BatchPosition& position() const noexcept { return position_; }

    /// Blocks in the store.
    [[nodiscard]] std::size_t blocks() const noexcept { return blocks_; }

    /// Micro-batches in an epoch.
    [[nodiscard]] std::size_t per_epoch() const noexcept {
        const std::size_t whole = blocks_ / options_.batch;
        return whole + (options_.last_batch == LastBatch::smaller && blocks_ % options_.batch != 0 ? 1 : 0);
    }

    [[nodiscard]] const BatchOptions& options() const noexcept { return options_; }

private:
    void count_blocks() {
        const std::size_t tokens = store_->size();
        const std::size_t length = block_length(options_.sequence, options_.targets.last);
        if (tokens == 0) throw Error("the corpus is empty");
        // A sequence of the largest number has a block of none.
        if (tokens < length || length < options_.sequence) {
            throw Error("the corpus has " + std::to_string(tokens) + " tokens, one block takes " +
                        std::to_string(std::max(length, options_.sequence)));
        }
        blocks_ = (tokens - (length - options_.sequence)) / options_.sequence;
        if (per_epoch() == 0) {
            throw Error("the corpus has " + std::to_string(blocks_) + " blocks of " +
                        std::to_string(options_.sequence) + " tokens, one micro-batch takes " +
                        std::to_string(options_.batch));
        }
    }

    void start_epoch() {
        if (options_.order == BlockOrder::shuffled) {
            order_ = torch_permutation(blocks_, position_.seed + position_.epoch);
        }
    }

    const Store* store_;
    BatchOptions options_;
    BatchPosition position_;
    std::size_t blocks_ = 0;
    std::vector<std::uint32_t> order_;  // empty where the order is the stored one
    std::vector<Token> block_;
    std::vector<Token> inputs_;   // [B, T]
    std::vector<Token> targets_;  // [B, T]
};

}  // namespace lamina::text
