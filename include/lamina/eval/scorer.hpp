// SPDX-License-Identifier: MIT
// Scorer: what evaluation asks of a model, so that tasks can be tested without one.
#pragma once

#include <lamina/core/token.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

namespace lamina::eval {

/// Contexts are not empty, and neither is any continuation. Context and continuation, less the last token, fit into
/// the model's context.
struct Request {
    std::vector<Token> context;
    std::vector<std::vector<Token>> continuations;
};

/// How a model takes to one continuation.
struct Score {
    double log_probability = 0;  ///< sum over the continuation's tokens, nats
    bool greedy = false;         ///< every token is the most probable one at its place

    friend bool operator==(const Score&, const Score&) = default;
};

/// score(requests)  for each request one Score per continuation, in their order
/// tokens()         tokens pushed through the model since the scorer was made
template <class S>
concept Scorer = requires(S& scorer, const S& counter, std::span<const Request> requests) {
    { scorer.score(requests) } -> std::same_as<std::vector<std::vector<Score>>>;
    { counter.tokens() } -> std::convertible_to<std::size_t>;
};

}  // namespace lamina::eval
