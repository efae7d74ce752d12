// SPDX-License-Identifier: MIT
// What callers may ask of a pass: tokens of the vocabulary, sequences within the context, room for what comes out.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include <lamina/arch/architecture.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/core/token.hpp>

namespace lamina::detail {

inline void check_token(Token id, std::size_t vocab) {
    if (id < 0 || static_cast<std::size_t>(id) >= vocab) {
        throw ArgumentError("lamina: token " + std::to_string(id) + ": expected 0 to " + std::to_string(vocab - 1) +
                            "; was the text encoded with this model's tokenizer?");
    }
}

/// `bytes_of_one(sequence)` is what the activations of one sequence take.
template <class BytesOfOne>
void check_extent(Extent extent, std::size_t context, const BytesOfOne& bytes_of_one) {
    if (extent.sequence > context || extent.sequence == 0 || extent.batch == 0) {
        throw ArgumentError("lamina: sequence of " + std::to_string(extent.sequence) + " tokens × " +
                            std::to_string(extent.batch) + ": expected 1 to " + std::to_string(context) +
                            " tokens and at least one sequence");
    }
    // Several sequences take at most several times what one does.
    const std::size_t each = bytes_of_one(extent.sequence);
    if (extent.batch > std::numeric_limits<std::size_t>::max() / 2 / each) {
        throw ArgumentError("lamina: " + std::to_string(extent.batch) + " sequences of " +
                            std::to_string(extent.sequence) +
                            " tokens: their activations are more than any memory holds; ask for fewer");
    }
}

/// Of the last `count` positions of each sequence, into `room` numbers.
inline void check_logits(std::size_t ids, Extent extent, std::size_t count, std::size_t room, std::size_t vocab) {
    const std::string sequences = std::to_string(extent.batch) + " × ";
    if (ids != extent.tokens()) {
        throw ArgumentError("lamina: logits: " + std::to_string(ids) + " tokens, expected " + sequences +
                            std::to_string(extent.sequence));
    }
    if (count > extent.sequence) {
        throw ArgumentError("lamina: logits: the last " + std::to_string(count) + " positions of " +
                            std::to_string(extent.sequence) + " tokens, expected at most " +
                            std::to_string(extent.sequence));
    }
    if (room != extent.batch * count * vocab) {
        throw ArgumentError("lamina: logits: room for " + std::to_string(room) + " numbers, expected " +
                            std::to_string(extent.batch * count * vocab) + ", " + std::to_string(vocab) +
                            " for each of " + sequences + std::to_string(count) + " positions");
    }
}

}  // namespace lamina::detail
