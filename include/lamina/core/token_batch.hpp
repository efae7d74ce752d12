// SPDX-License-Identifier: MIT
// TokenBatch: the input and target tokens of one micro-batch, as a model is given them.
#pragma once

#include <lamina/core/token.hpp>

#include <cstddef>
#include <span>

namespace lamina {

/// The target of a position that carries no loss. Never a token: tokens are at least 0.
inline constexpr Token ignored_target = -100;

/// One micro-batch; a view that owns nothing.
///
/// shapes   inputs, targets [B, T], row by row
/// meaning  targets[b, t] is the token to predict after inputs[b, 0..t], or `ignored_target`
struct TokenBatch {
    std::size_t batch = 0;           ///< B, sequences
    std::size_t sequence = 0;        ///< T, tokens per sequence
    std::span<const Token> inputs;   ///< B·T tokens
    std::span<const Token> targets;  ///< B·T tokens or `ignored_target`
};

}  // namespace lamina
