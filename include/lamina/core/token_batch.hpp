// SPDX-License-Identifier: MIT
// TokenBatch: the input and target tokens of one micro-batch, as a model is given them.
#pragma once

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace lamina {

/// The target of a position that carries no loss. Never a token: tokens are at least 0.
inline constexpr Token ignored_target = -100;

/// One micro-batch of at least one token; a view that owns nothing. What it says of itself is true: it is made with
/// lengths that fit together, and its members are constant, so that none changes alone.
///
/// shapes   inputs, targets [B, T], row by row
/// meaning  targets[b, t] is the token to predict after inputs[b, 0..t], or `ignored_target`
class TokenBatch {
public:
    /// As many sequences of `length` tokens as the inputs make.
    ///
    /// errors   ArgumentError unless there is a whole number of sequences, at least one, and a target for each input
    constexpr TokenBatch(std::span<const Token> input_tokens, std::span<const Token> target_tokens, std::size_t length)
        : inputs(input_tokens),
          targets(target_tokens),
          batch(sequences(input_tokens.size(), target_tokens.size(), length)),
          sequence(length) {}

    constexpr TokenBatch(const TokenBatch&) = default;
    /// As a whole it can be replaced, which ranges ask for.
    constexpr TokenBatch& operator=(const TokenBatch& other) {
        if (this != &other) std::construct_at(this, other);
        return *this;
    }
    constexpr ~TokenBatch() = default;

    const std::span<const Token> inputs;   ///< B·T tokens
    const std::span<const Token> targets;  ///< B·T tokens or `ignored_target`
    const std::size_t batch;               ///< B, sequences
    const std::size_t sequence;            ///< T, tokens per sequence

private:
    [[nodiscard]] static constexpr std::size_t sequences(std::size_t inputs, std::size_t targets, std::size_t length) {
        if (targets != inputs) {
            throw ArgumentError("lamina: TokenBatch: " + std::to_string(inputs) + " inputs and " +
                                std::to_string(targets) + " targets, expected one target per input");
        }
        if (inputs == 0 || length == 0 || inputs % length != 0) {
            throw ArgumentError("lamina: TokenBatch: " + std::to_string(inputs) + " inputs in sequences of " +
                                std::to_string(length) + " tokens, expected whole sequences, at least one");
        }
        return inputs / length;
    }
};

}  // namespace lamina
