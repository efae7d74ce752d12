// SPDX-License-Identifier: MIT
// Scorer: what evaluation asks of a model, so that tasks can be tested without one.
#pragma once

#include <lamina/core/token.hpp>

#include <concepts>
#include <span>
#include <vector>

namespace lamina::eval {

/// Contexts are not empty, and neither is any continuation. Context and continuation, less the last token, fit into
/// the model's context.
struct Request {
    std::vector<Token> context;
    std::vector<std::vector<Token>> continuations;
};

/// Log-probabilities of continuations, in nats: of each the sum over its tokens.
using Answer = std::vector<double>;

/// score(requests)  for each request the log-probability of each of its continuations, in their order
template <class S>
concept Scorer = requires(S& scorer, std::span<const Request> requests) {
    { scorer.score(requests) } -> std::same_as<std::vector<Answer>>;
};

}  // namespace lamina::eval
